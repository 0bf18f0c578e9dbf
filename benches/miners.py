"""One measurement of PyFIM, mlxtend or efficient-apriori, as a line of JSON: what engine/examples/baskets.rs measures of ours.

    python miners.py pyfim-apriori|pyfim-fpgrowth|pyfim-eclat|mlxtend|efficient-apriori FILE MIN_COUNT

Each begins with the baskets in memory in the form that suits it (lists, tuples, a sparse table) and ends with its result.
PyFIM leaves out the single item that all baskets hold: on mushroom, which has one, it reports an itemset less.
"""

import json
import sys
import time


def megabytes(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def pyfim(algorithm):
    import fim

    run = getattr(fim, algorithm)
    return lambda baskets, count: len(run(baskets, target="s", supp=-count, zmin=1))


def mlxtend():
    from mlxtend.frequent_patterns import fpgrowth

    # Its threshold is compared as a float: half a basket less is safe from rounding.
    return lambda table, count: len(fpgrowth(table, min_support=(count - 0.5) / len(table)))


def efficient_apriori():
    from efficient_apriori import itemsets_from_transactions

    def run(baskets, count):
        found, _ = itemsets_from_transactions(baskets, min_support=(count - 0.5) / len(baskets), max_length=64)
        return sum(map(len, found.values()))

    return run


def table(baskets):
    import pandas as pd
    from mlxtend.preprocessing import TransactionEncoder

    encoder = TransactionEncoder()
    encoded = encoder.fit_transform(baskets, sparse=True)
    return pd.DataFrame.sparse.from_spmatrix(encoded, columns=[str(c) for c in encoder.columns_])


def main(miner, file, count):
    with open(file, encoding="ascii") as lines:
        baskets = [list(map(int, line.split())) for line in lines]
    if miner == "mlxtend":
        run, baskets = mlxtend(), table(baskets)
    elif miner == "efficient-apriori":
        run, baskets = efficient_apriori(), list(map(tuple, baskets))
    else:
        run = pyfim(miner.removeprefix("pyfim-"))
    # From here on the peak is that of mining (`man proc`, clear_refs).
    with open("/proc/self/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")
    start, cpu, before = time.perf_counter(), time.process_time(), megabytes("VmRSS")
    runs = []
    while True:
        one = time.perf_counter()
        itemsets = run(baskets, count)
        now = time.perf_counter()
        runs.append(now - one)
        if now - start > 5 or (len(runs) >= 3 and now - start > 1):
            break
    cpu = (time.process_time() - cpu) / len(runs)
    peak = megabytes("VmHWM")
    seconds = sorted(runs)[len(runs) // 2]
    figures = {"itemsets": itemsets, "seconds": seconds, "cpu": cpu, "peak_mb": peak, "grown_mb": peak - before}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
