"""Numbers of all, closed and maximal itemsets of the FIMI data, by PyFIM 6.28 (Borgelt's C programs):
RETAILSCOPE_DATA=... python itemsets.py > itemsets.json"""
import json
import os
import subprocess
from collections import Counter

import fim

cases = [("retail", 441), ("retail", 89), ("mushroom", 2438), ("mushroom", 2031), ("mushroom", 1625)]
kinds = {"all": "s", "closed": "c", "maximal": "m"}
out = []
for name, count in cases:
    path = f"{os.environ['RETAILSCOPE_DATA']}/fimi/{name}.dat.zst"
    text = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True, text=True).stdout
    # PyFIM loses the itemset of the one item that all baskets hold; a basket without it changes nothing else.
    baskets = [line.split() for line in text.splitlines()] + [["another"]]
    for kind, target in kinds.items():
        found = fim.eclat(baskets, target=target, supp=-count, zmin=1, report="a")
        sizes = Counter(len(items) for items, _ in found)
        out.append(dict(
            dataset=name, min_count=count, itemsets=kind, by_size=[sizes[k] for k in range(1, max(sizes) + 1)],
            sum_of_supports=sum(support for _, support in found),
        ))
print("[\n" + ",\n".join(json.dumps(o) for o in out) + "\n]")
