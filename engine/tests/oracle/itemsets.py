"""Numbers of all, closed and maximal itemsets of the FIMI data and of Online Retail II, by PyFIM 6.28 (Borgelt's C programs):
RETAILSCOPE_DATA=... python itemsets.py > itemsets.json"""
import csv
import io
import json
import os
import re
import subprocess
from collections import Counter

import fim

NO_GOODS = re.compile(r"(?!\d{5}[A-Z]*$)")


def text_of(name):
    path = f"{os.environ['RETAILSCOPE_DATA']}/{name}.zst"
    return subprocess.run(["zstd", "-dc", path], check=True, capture_output=True, text=True).stdout


def fimi(name):
    return [line.split() for line in text_of(f"fimi/{name}.dat").splitlines()]


def merchandise(as_given):
    """Sales of merchandise without the two bulk orders that were cancelled within minutes; codes as given or in upper case."""
    baskets = {}
    rows = csv.reader(io.StringIO(text_of("online_retail_ii/online_retail_II.csv")))
    next(rows)
    for invoice, code, _, quantity, _, price, *_ in rows:
        upper = code.strip().upper()
        if invoice[0] in "CA" or int(quantity) <= 0 or float(price) <= 0 or NO_GOODS.match(upper):
            continue
        if invoice not in ("541431", "581483"):
            baskets.setdefault(invoice, set()).add(code if as_given else upper)
    return [sorted(b) for b in baskets.values()]


datasets = dict(
    retail=fimi("retail"), mushroom=fimi("mushroom"), merchandise=merchandise(False), as_given=merchandise(True),
)
counts = dict(retail=[441, 89], mushroom=[2438, 2031, 1625], merchandise=[396, 198, 80], as_given=[396, 198])
kinds = {"all": "s", "closed": "c", "maximal": "m"}
out = []
for name, baskets in datasets.items():
    # PyFIM loses the itemset of the one item that all baskets hold; a basket without it changes nothing else.
    baskets = baskets + [["another"]]
    for count in counts[name]:
        for kind, target in kinds.items():
            found = fim.eclat(baskets, target=target, supp=-count, zmin=1, report="a")
            sizes = Counter(len(items) for items, _ in found)
            out.append(dict(
                dataset=name, min_count=count, itemsets=kind, by_size=[sizes[k] for k in range(1, max(sizes) + 1)],
                sum_of_supports=sum(support for _, support in found),
            ))
print("[\n" + ",\n".join(json.dumps(o) for o in out) + "\n]")
