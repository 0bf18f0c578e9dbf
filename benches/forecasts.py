"""Forecasts: RetailScope's engine beside statsmodels, statsforecast, pmdarima, xgboost and JAX.

    python forecasts.py PROGRAM FOLDER AIMS

PROGRAM is the example `forecasts` of the engine, FOLDER takes the series (forecast_data.py, which says what a FILE holds), AIMS (a
file) the lines for the report. BENCH_ALL=1 gives slow searches ten minutes instead of one. PROGRAM is run as

    PROGRAM fit FILE MODEL PARAMS                       one fit to the first series; a method without given orders searches them
    PROGRAM accuracy FILE MODEL PARAMS THREADS SEED LEVELS
                                                        a forecast of each series from each of its origins; LEVELS: 80,95 or none
    PROGRAM boosted FILE PARAMS THREADS                 boosted trees on a matrix; the rows that were not for training are forecast
    PROGRAM batch FILE MODEL PARAMS THREADS             a forecast of each row of doubles, after its last value

MODEL and PARAMS (JSON) are those of `rs_train_forecast`, "season" in PARAMS is the season of the FILE; "xreg" names regressors. It
prints lines of JSON, as forecast_peers.py does for others:

    fit       {"label": "SARIMA(1,1,1)(0,1,1)[7]", "loglik", "aicc", "seconds", "cpu", "peak_mb", "grown_mb"}
    accuracy  for each series and origin {"model", "id", "origin", "label", "forecast": [a value for each value after the origin],
              "lower80", "upper80", "lower95", "upper95": [...] where asked for, "cpu": seconds on all threads}; an origin without a
              forecast has no line
    boosted   {"predictions": [...], "seconds", "cpu", ...}
    batch     {"series", "failed": series with a note instead of a forecast, "chosen": {"ets": 4711, ...}, "seconds", "cpu", "peak_mb",
              "grown_mb"}

Errors are computed here for both. Days that the shop is closed are not among the values that are forecast and judged, but nobody is
told which days these will be: a day that RetailScope takes for a closed one and that was open counts with a forecast of 0.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from forecast_scores import Case, Score

HERE = Path(__file__).parent
LIMIT = 600 if os.environ.get("BENCH_ALL") == "1" else 60
CORES = os.cpu_count() or 1
ONE_THREAD = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"} | dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
# Series, season, method and parameters of single fits, and who else fits them.
FITS = [
    ("retail_daily", 7, "sarima", {"order": [1, 1, 1], "seasonal_order": [0, 1, 1]}),
    ("retail_promo", 7, "sarima", {"order": [1, 0, 0], "seasonal_order": [0, 1, 1], "xreg": ["promotion"]}),
    ("airpassengers", 12, "sarima", {"order": [2, 1, 1], "seasonal_order": [0, 1, 0]}),
    ("logair", 12, "sarima", {"order": [0, 1, 1], "seasonal_order": [0, 1, 1]}),
    ("usaccdeaths", 12, "sarima", {"order": [0, 1, 1], "seasonal_order": [0, 1, 1]}),
    ("retail_daily", 7, "ets", {"model": "AAA"}),
    ("airpassengers", 12, "ets", {"model": "MAM"}),
    ("nottem", 12, "ets", {"model": "ANA"}),
]
FIT_TOOLS = {
    "sarima": ("statsmodels", "statsmodels-differenced", "statsforecast"),
    "ets": ("statsmodels", "statsforecast"),
}
SEARCHES = [
    ("airpassengers", 12), ("logair", 12), ("lakehuron", 1), ("lh", 1), ("lynx", 1), ("nile", 1), ("nottem", 12),
    ("retail_daily", 7), ("usaccdeaths", 12), ("wwwusage", 1),
]  # fmt: skip
SEARCH_TOOLS = {"sarima": ("statsforecast", "pmdarima"), "ets": ("statsforecast",)}
# AICc from likelihoods that agree to 5e-3, as R's and the exact one do.
SAME_AICC = 0.02
OURS = [
    "seasonal_naive", "naive", "drift", "weekday_mean", "year_over_year", "theta", "ets", "sarima", "mstl", "xgboost", "lstm",
    "ensemble", "auto",
]  # fmt: skip
PEERS = {
    "retail": ["SeasonalNaive", "Naive", "AutoARIMA", "AutoARIMA of log", "AutoETS", "AutoETS of log", "OptimizedTheta", "AutoCES",
               "MSTL-6", "MSTL-6-26", "MSTL-6-302"],
    "aus": ["SeasonalNaive", "AutoARIMA", "AutoETS", "OptimizedTheta", "AutoCES"],
}  # fmt: skip
OURS_OF = {"retail": OURS, "aus": ["seasonal_naive", "theta", "ets", "sarima", "mstl", "auto"]}
BOOSTING = {"n_estimators": 200, "max_depth": 6, "learning_rate": 0.1, "subsample": 1, "colsample_bytree": 1}
SEEDS = 5


class Bench:
    def __init__(self, program, folder, aims):
        self.program = program
        self.folder = Path(folder)
        self.aims = aims

    def file(self, case):
        return str(self.folder / f"{case}.json")

    def run(self, command, limit=None):
        """The lines that it prints; None when it takes too long."""
        try:
            run = subprocess.run(
                command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False, timeout=limit
            )
        except subprocess.TimeoutExpired:
            return None
        if run.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{run.stderr}")
        return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]

    def ours(self, *arguments):
        return self.run([self.program, *map(str, arguments)])

    def peer(self, *arguments, limit=None):
        return self.run([sys.executable, str(HERE / "forecast_peers.py"), *map(str, arguments)], limit)

    def peers_at_once(self, model, case):
        """Accuracy is no time: as many processes as cores share the series."""
        parts = CORES if len(case.values) > 1 else 1
        with ThreadPoolExecutor(parts) as pool:
            runs = pool.map(lambda part: self.peer("accuracy", model, case.file, part, parts), range(parts))
        return [line for run in runs for line in run]

    def aim(self, text, value, relation, limit):
        with open(self.aims, "a", encoding="utf-8") as out:
            out.write(f"{text}|{value}|{relation}|{limit}\n")


def fit_line(tool, figures, fastest=None):
    if figures is None:
        print(f"  {tool:26} not in {LIMIT} s", flush=True)
        return
    aicc = f"{figures['aicc']:12.3f}" if "aicc" in figures else " " * 12
    ratio = f"{figures['seconds'] / fastest:7.1f}" if fastest else ""
    print(
        f"  {tool:26} {figures['seconds']:10.5f} {figures['cpu']:10.5f} {figures['loglik']:12.3f} {aicc} {ratio:>7}  {figures['label']}",
        flush=True,
    )


def heading(title):
    print(f"\n{title}\n  {'':26} {'seconds':>10} {'CPU s':>10} {'log-lik.':>12} {'AICc':>12} {'ratio':>7}", flush=True)


def fits(bench):
    heading("one fit, one thread; ratio: to RetailScope's seconds")
    least = {}
    for case, season, method, params in FITS:
        orders = params.get("model") or f"{params['order']}{params['seasonal_order']}{season}".replace(" ", "")
        print(f" {case}, {method} {orders}{' with a regressor' if 'xreg' in params else ''}")
        [ours] = bench.ours("fit", bench.file(case), method, json.dumps(params | {"season": season}))
        fit_line("RetailScope", ours)
        for tool in FIT_TOOLS[method]:
            [figures] = bench.peer("fit", tool, bench.file(case), json.dumps(params | {"method": method}))
            fit_line(tool, figures, ours["seconds"])
            if tool == "statsmodels":
                ratio = figures["seconds"] / ours["seconds"]
                least[method] = min(least.get(method, (ratio, case)), (ratio, case))
    for method, (ratio, case) in least.items():
        bench.aim(f"{method} fit, times faster than statsmodels, least at {case}", f"{ratio:.1f}", ">=", 20)


def differences(label):
    """d and D of (p,d,q)(P,D,Q)."""
    return [int(found.split(",")[1]) for found in re.findall(r"\(([\d,]+)\)", label)] + [0]


def searches(bench):
    for method, tools in SEARCH_TOOLS.items():
        heading(f"automatic search of {'orders' if method == 'sarima' else 'components'}, one thread")
        ratios, no_worse, comparable = [], 0, 0
        for case, season in SEARCHES:
            print(f" {case}, season {season}")
            [ours] = bench.ours("fit", bench.file(case), method, json.dumps({"season": season}))
            fit_line("RetailScope", ours)
            for tool in tools:
                found = bench.peer("auto", tool, bench.file(case), json.dumps({"method": method}), limit=LIMIT)
                figures = found[0] if found else None
                fit_line(tool, figures, ours["seconds"])
                if tool != "statsforecast" or figures is None:
                    continue
                ratios.append((figures["seconds"] / ours["seconds"], case))
                # Likelihoods of values that are differenced in another way are of other data.
                if method == "ets" or differences(ours["label"])[:2] == differences(figures["label"])[:2]:
                    comparable += 1
                    no_worse += ours["aicc"] <= figures["aicc"] + SAME_AICC
        least, case = min(ratios)
        if method == "sarima":
            bench.aim(f"search of orders, times faster than AutoARIMA, least at {case}", f"{least:.1f}", ">=", 3)
        bench.aim(f"{method} search: AICc no worse than statsforecast's, series of {comparable}", no_worse, ">=", comparable)


def score_line(who, score, base, last):
    if score.missing == len(score.mase):
        print(f"  {who:26} no forecast", flush=True)
        return
    missing = f"  ({score.missing} without a forecast)" if score.missing else ""
    cells = [f"{score.mean(n):7.3f} {100 * (score.mean(n) / base.mean(n) - 1):+6.1f} %" for n in last]
    coverage = [score.coverage(level) for level in (80, 95)]
    covers = " ".join("     -" if one is None else f"{one:6.1f}" for one in coverage)
    print(f"  {who:26} {'  '.join(cells)}  {covers} {score.seconds:9.2f}{missing}", flush=True)


def accuracy(bench, name, title, last):
    """The scores of all, by name; `last` are the numbers of newest origins that are averaged."""
    case = Case(bench.folder, name)
    columns = "  ".join(f"{f'last {n}' if n else 'all':>7} {'':8}" for n in last)
    print(f"\n{title}")
    print(f"  {'MASE, to the seasonal naive':26} {columns} {'80 %':>6} {'95 %':>6} {'CPU s':>9}", flush=True)
    ours, peers, base = {}, {}, None
    for model in PEERS[name]:
        peers[model] = Score(case, bench.peers_at_once(model, case))
        base = base or peers[model]
        score_line(model, peers[model], base, last)
    for model in OURS_OF[name]:
        lines = bench.ours("accuracy", case.file, model, json.dumps({"season": case.season}), CORES, 1, "80,95")
        ours[model] = Score(case, lines)
        score_line(f"RetailScope {model}", ours[model], base, last)
    for level in (80, 95):
        off = abs((ours["auto"].coverage(level) or 0) - level)
        bench.aim(f"{name}: coverage of auto's {level} % intervals, off by", f"{off:.1f}", "<=", 5)
    return ours, peers


def retail(bench):
    title = (
        "Online Retail II, revenue of 603 trading days: 28 of them ahead, from 12 origins 28 apart; coverage of all, CPU seconds of all\n"
        "(RetailScope's with what intervals take)"
    )
    ours, peers = accuracy(bench, "retail", title, (5, 0))
    auto = ours["auto"].judged(5)
    bench.aim("retail: auto below the seasonal naive, per cent, last 5", f"{100 - 100 * auto / peers['SeasonalNaive'].mean(5):.1f}", ">=", 17)
    best = min((peers[model].mean(5), model) for model in peers if model.startswith(("AutoARIMA", "AutoETS", "MSTL")))
    bench.aim(f"retail: auto's MASE to the best, {best[1]}, last 5", f"{auto / best[0]:.3f}", "<=", 1)


def aus(bench):
    ours, peers = accuracy(bench, "aus", "Australian retail turnover: 152 monthly series, the last 24 months", (0,))
    for model in ("AutoARIMA", "AutoETS"):
        bench.aim(f"aus: auto's mean MASE to {model}'s", f"{ours['auto'].judged() / peers[model].mean():.3f}", "<=", 1)


def learners(bench):
    print("\nlearners: the same algorithm on the same data")
    for name in ("boosted_daily", "boosted_retail"):
        if not Path(bench.file(name)).exists():
            continue
        content = json.loads(Path(bench.file(name)).read_text(encoding="ascii"))
        rows = read_doubles(bench.file(name), content)[content["training"] :]
        errors = {}
        [ours] = bench.ours("boosted", bench.file(name), json.dumps(BOOSTING), 1)
        [peer] = bench.peer("boosted", "xgboost", bench.file(name), json.dumps(BOOSTING))
        for who, figures in (("RetailScope", ours), ("xgboost", peer)):
            off = abs(rows[:, -1] - figures["predictions"]) * rows[:, -2]
            errors[who] = off.mean()
            print(f"  {name}, {who:14} mean absolute error {errors[who]:10.3f}   fit {figures['seconds']:7.3f} s", flush=True)
        bench.aim(f"{name}: error to xgboost's", f"{errors['RetailScope'] / errors['xgboost']:.3f}", "<=", 1.01)
    case = Case(bench.folder, "network")
    ours = [
        line
        for seed in range(1, SEEDS + 1)
        for line in bench.ours("accuracy", case.file, "lstm", '{"season": 7}', 1, seed, "none")
    ]
    peer = bench.run([sys.executable, str(HERE / "forecast_lstm.py"), case.file, str(SEEDS)])
    scores = {"RetailScope": Score(case, ours), "JAX": Score(case, peer)}
    trained = len(case.origins) * SEEDS
    for who, score in scores.items():
        print(f"  LSTM, {who:14} MASE {score.mean():6.3f} of {trained} networks   training {score.seconds / trained:7.3f} CPU s each")
    bench.aim("LSTM: error to JAX's", f"{scores['RetailScope'].mean() / scores['JAX'].mean():.3f}", "<=", 1.05)
    bench.aim("LSTM: CPU seconds of training to JAX's", f"{scores['RetailScope'].seconds / scores['JAX'].seconds:.2f}", "<=", 3)


def read_doubles(file, content):
    import numpy as np

    return np.fromfile(Path(file).with_suffix(".f64")).reshape(content["rows"], content["doubles"])


def batch(bench):
    print("\n10,000 generated daily series of 730 days, 28 days ahead, `auto`")
    for threads in sorted({1, CORES}):
        [found] = bench.ours("batch", bench.file("daily"), "auto", '{"season": 7}', threads)
        chosen = ", ".join(f"{model} {count}" for model, count in sorted(found["chosen"].items(), key=lambda one: -one[1]))
        print(
            f"  {threads} threads: {found['seconds']:8.1f} s, {found['series'] / found['seconds']:8.1f} series a second, peak "
            f"{found['peak_mb']:.0f} MB, {found['failed']} without a forecast; {chosen}",
            flush=True,
        )
    bench.aim("10,000 series: without a forecast", found["failed"], "<=", 0)


def main(program, folder, aims):
    subprocess.run([sys.executable, str(HERE / "forecast_data.py"), folder], check=True)
    bench = Bench(program, folder, aims)
    fits(bench)
    searches(bench)
    for name, part in (("retail", retail), ("aus", aus)):
        if Path(bench.file(name)).exists():
            part(bench)
        else:
            print(f"\n{name}: skipped, RETAILSCOPE_DATA is not set")
    learners(bench)
    batch(bench)


if __name__ == "__main__":
    main(*sys.argv[1:4])
