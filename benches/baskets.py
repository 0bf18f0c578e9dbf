"""Frequent itemsets: RetailScope's engine beside PyFIM (Borgelt's programs in C), mlxtend and efficient-apriori.

    python baskets.py PROGRAM FOLDER AIMS

PROGRAM is the example `baskets` of the engine, FOLDER takes the baskets, AIMS (a file) the lines for the report. What mlxtend
takes at SQL's default support is left beside AIMS, for what SQL takes to be measured against. Each
measurement is a process of its own. mlxtend and efficient-apriori have a time limit, and are not tried again on the same baskets
once they were over it; BENCH_ALL=1 gives them ten minutes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LIMIT = 600 if os.environ.get("BENCH_ALL") == "1" else 12
# Baskets, and the shares of them that itemsets are at least in, in per cent.
SETS = [
    ("online_retail", "Online Retail II", (1, 0.5, 0.2)),
    ("retail", "fimi retail", (1, 0.5, 0.1)),
    ("mushroom", "fimi mushroom", (40, 30, 20)),
    ("generated", "generated, 1M", (1, 0.1)),
]
OURS = [("fpgrowth", 1), ("fpgrowth", 2), ("eclat", 1), ("auto", 1)]
PYFIM = ("pyfim-eclat", "pyfim-fpgrowth", "pyfim-apriori")
# On a million baskets, mlxtend's table alone is gigabytes, and efficient-apriori takes minutes.
SLOW = {"generated": ("mlxtend", "efficient-apriori")}


class Bench:
    def __init__(self, program, folder, aims):
        self.program = program
        self.folder = Path(folder)
        self.aims = aims
        self.given_up = set()

    def run(self, command, limit=None):
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        if run.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{run.stderr}")
        return json.loads(run.stdout.splitlines()[-1])

    def ours(self, name, algorithm, count, threads):
        return self.run([self.program, str(self.folder / f"{name}.dat"), algorithm, str(count), str(threads)])

    def peer(self, name, miner, count):
        """Figures, or why there are none."""
        skipped = LIMIT < 600 and miner in SLOW.get(name, ())
        if skipped or (name, miner) in self.given_up:
            return "skipped: too slow" if skipped else f"skipped: over {LIMIT} s before"
        limit = None if miner in PYFIM else LIMIT
        command = [sys.executable, str(HERE / "miners.py"), miner, str(self.folder / f"{name}.dat"), str(count)]
        figures = self.run(command, limit)
        if figures is None:
            self.given_up.add((name, miner))
            return f"not in {LIMIT} s"
        return figures

    def aim(self, text, value, relation, limit):
        with open(self.aims, "a", encoding="utf-8") as out:
            out.write(f"{text}|{value}|{relation}|{limit}\n")


def line(text, figures, fastest):
    if isinstance(figures, str):
        print(f"  {text:26} {figures}", flush=True)
        return
    f = figures
    ratio = f"{f['seconds'] / fastest:6.1f}" if fastest else ""
    print(
        f"  {text:26} {f['itemsets']:9} {f['seconds']:9.4f} {f['cpu']:9.4f} {f['peak_mb']:7.0f} {f['grown_mb']:7.0f} {ratio}",
        flush=True,
    )


def compare(bench, name, title, baskets, percent):
    count = -(-round(percent * 1000) * baskets // 100_000)
    print(f"\n{title}: {baskets} baskets, at least {percent} % = {count} of them", flush=True)
    ours = {}
    for algorithm, threads in OURS:
        ours[algorithm, threads] = bench.ours(name, algorithm, count, threads)
    main = ours["fpgrowth", 1]
    for (algorithm, threads), figures in ours.items():
        line(f"RetailScope {algorithm}, {threads} thr.", figures, main["seconds"])
        if figures["itemsets"] != main["itemsets"]:
            sys.exit(f"{algorithm} finds {figures['itemsets']} itemsets, fpgrowth {main['itemsets']}")
    measured = {miner: bench.peer(name, miner, count) for miner in (*PYFIM, "mlxtend", "efficient-apriori")}
    for miner, figures in measured.items():
        line(miner, figures, main["seconds"])
    if (name, percent) == ("online_retail", 1) and not isinstance(measured["mlxtend"], str):
        Path(bench.aims).with_name("mlxtend").write_text(str(measured["mlxtend"]["seconds"]), encoding="ascii")
    for text, figure in (("seconds", "seconds"), ("memory", "grown_mb")):
        ratio = main[figure] / min(measured[miner][figure] for miner in PYFIM)
        bench.aim(f"{title}, {percent} %: {text} to PyFIM's least", f"{ratio:.2f}", "<=", 1)


def main(program, folder, aims):
    subprocess.run([sys.executable, str(HERE / "transactions.py"), folder], check=True)
    bench = Bench(program, folder, aims)
    print(
        "\nfrequent itemsets, from baskets in memory: median of wall seconds, CPU seconds, peak MB of the process and what mining\n"
        "added, seconds in those of RetailScope's fpgrowth on one thread; theirs are Python objects, and so is what they return"
    )
    print(f"  {'':26} {'itemsets':>9} {'seconds':>9} {'CPU s':>9} {'MB':>7} {'grown':>7} {'ratio':>6}", flush=True)
    for name, title, shares in SETS:
        file = bench.folder / f"{name}.dat"
        if not file.exists():
            print(f"\n{title}: skipped, RETAILSCOPE_DATA is not set")
            continue
        with open(file, encoding="ascii") as lines:
            baskets = sum(1 for _ in lines)
        for percent in shares:
            compare(bench, name, title, baskets, percent)


if __name__ == "__main__":
    main(*sys.argv[1:4])
