"""Training, scoring and segmenting on generated customers: RetailScope's engine beside scikit-learn and xgboost.

    python models.py PROGRAM FOLDER AIMS PART...

PROGRAM is the example `models` of the engine, FOLDER takes the matrices, AIMS (a file) the lines for the report; the parts are
training, scoring and segments. BENCH_ROWS="5000 100000 1000000" are the sizes; BENCH_ALL=1 also runs what takes scikit-learn
minutes. Each measurement is a process of its own; ours and theirs take turns, so that a slow spell meets both.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SIZES = [int(rows) for rows in os.environ.get("BENCH_ROWS", "5000 100000 1000000").split()]
ALL = os.environ.get("BENCH_ALL") == "1"
THREADS = (1, 2)
FITTED = 100_000
SCORED = SIZES[-1]
PEERS = {"logistic": "scikit-learn", "forest": "scikit-learn", "adaboost": "scikit-learn", "boosting": "xgboost"}
TEXTS = {
    "logistic": "logistic regression",
    "forest": "forest, 100 x depth 12",
    "adaboost": "AdaBoost, 100 stumps",
    "boosting": "boosting, 100 x depth 6",
    "kmeans": "k-means, one start",
    "whole_kmeans": "k-means, scaler, silhouette",
    "whole_gaussian_mixture": "mixture, scaler, silhouette",
}
# Rows from which scikit-learn takes minutes.
SLOW = {"forest": 1_000_000, "adaboost": 1_000_000}
# Rows per second that batch scoring on one thread is to reach.
SCORING = {"logistic": 1_000_000, "forest": 300_000, "boosting": 300_000}


class Bench:
    def __init__(self, program, folder, aims):
        self.commands = {"ours": [program], "peer": [sys.executable, str(HERE / "peers.py")]}
        self.folder = folder
        self.aims = aims

    def measure(self, who, task, model, rows, threads):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, str(threads))
        command = [*self.commands[who], task, model, self.folder, str(rows), str(threads)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{run.stderr}")
        return json.loads(run.stdout.splitlines()[-1])

    def both(self, task, model, rows, threads):
        ours = self.measure("ours", task, model, rows, threads)
        if not ALL and task == "fit" and rows >= SLOW.get(model, rows + 1):
            return ours, None
        return ours, self.measure("peer", task, model, rows, threads)

    def aim(self, text, value, relation, limit):
        with open(self.aims, "a", encoding="utf-8") as out:
            out.write(f"{text}|{value}|{relation}|{limit}\n")


def cells(figures, quality):
    if figures is None:
        return f"{'-':>9} {'-':>9} {'-':>6} {'-':>6} {'-':>9}"
    f = figures
    shown = f"{f[quality]:9.5g}" if quality else " " * 9
    return f"{f['seconds']:9.4f} {f['cpu']:9.3f} {f['peak_mb']:6.0f} {f['grown_mb']:6.0f} {shown}"


def heading(title, quality):
    one = f"{'seconds':>9} {'CPU s':>9} {'MB':>6} {'grown':>6} {quality:>9}"
    print(f"\n{title}\n{'':43}{'RetailScope':^43} | {'scikit-learn, xgboost':^43} |")
    print(f"{'':27} {'rows':>8} {'thr.':>5}  {one} | {one} | ratio", flush=True)


def line(model, rows, threads, ours, peer, quality):
    ratio = f"{ours['seconds'] / peer['seconds']:.2f}" if peer else "-"
    print(f"{TEXTS[model]:27} {rows:8} {threads:5}  {cells(ours, quality)} | {cells(peer, quality)} | {ratio:>5}", flush=True)


def compare(bench, task, models, sizes, title, quality=None):
    """The rows of a table; for each model and number of threads the ratio of seconds and the rows at which it is worst."""
    heading(title, {"auc": "AUC", "inertia": "inertia"}.get(quality, ""))
    worst = {}
    for rows in sizes:
        for model in models:
            for threads in THREADS:
                ours, peer = bench.both(task, model, rows, threads)
                line(model, rows, threads, ours, peer, quality if quality in ours else None)
                if peer:
                    ratio = (ours["seconds"] / peer["seconds"], rows)
                    worst[model, threads] = max(worst.get((model, threads), (0, 0)), ratio)
    return worst


def training(bench):
    title = "training on customers x 12 features: wall and CPU seconds, peak MB of the process and what training added, AUC on 100,000 others"
    worst = compare(bench, "fit", PEERS, SIZES, title, "auc")
    for (model, threads), (ratio, rows) in worst.items():
        bench.aim(f"{model}, {threads} thr., to {PEERS[model]}, worst at {rows}", f"{ratio:.2f}", "<=", 1)


def scoring(bench):
    heading(f"scoring a batch of {SCORED} customers, of models fitted on {FITTED}", "")
    for model, least in SCORING.items():
        for threads in THREADS:
            ours, peer = bench.both("score", model, SCORED, threads)
            line(model, SCORED, threads, ours, peer, None)
            if threads == 1:
                bench.aim(f"{model}, scored rows a second, 1 thread", round(SCORED / ours["seconds"]), ">=", least)


def segments(bench):
    title = "five segments of customers x 12 features; steps differ with the random start"
    compare(bench, "segment", ["kmeans", "whole_kmeans", "whole_gaussian_mixture"], SIZES, title, "inertia")


def main(program, folder, aims, parts):
    command = [sys.executable, str(HERE / "matrices.py"), folder, *map(str, sorted({*SIZES, FITTED, SCORED}))]
    subprocess.run(command, check=True)
    bench = Bench(program, folder, aims)
    for part in parts:
        {"training": training, "scoring": scoring, "segments": segments}[part](bench)


if __name__ == "__main__":
    main(*sys.argv[1:4], sys.argv[4:])
