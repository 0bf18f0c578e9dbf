"""Writes the baskets that miners are measured on, one a line, items as numbers separated by blanks: python transactions.py FOLDER

Online Retail II (merchandise sales), fimi retail and mushroom from RETAILSCOPE_DATA, where it is set; and a million generated
baskets, which look like those of a shop: items of Zipf popularity, and groups of them that are bought together.
"""

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

MERCHANDISE = re.compile(r"\d{5}[A-Z]*")
# Two orders of tens of thousands of units, cancelled within minutes.
PHANTOMS = ("541431", "581483")
ITEMS, GROUPS, GENERATED = 5_000, 2_000, 1_000_000


def unpacked(path):
    return subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout.decode("utf-8", "replace")


def online_retail(source, target):
    lines = csv.reader(io.StringIO(unpacked(source)))
    next(lines)
    baskets = {}
    for invoice, code, _description, quantity, _time, price, *_rest in lines:
        sold = invoice[0] not in "CA" and invoice not in PHANTOMS and int(quantity) > 0 and float(price) > 0
        if sold and MERCHANDISE.fullmatch(code.strip().upper()):
            baskets.setdefault(invoice, {})[code] = None
    numbers = {}
    with open(target, "w", encoding="ascii") as out:
        for codes in baskets.values():
            out.write(" ".join(str(numbers.setdefault(code, len(numbers))) for code in codes) + "\n")


def generate(target, baskets):
    rng = np.random.default_rng(4)
    popularity = np.cumsum(np.arange(1, ITEMS + 1) ** -0.9)
    popularity /= popularity[-1]
    groups = [np.unique(np.searchsorted(popularity, rng.random(size))) for size in rng.integers(2, 7, GROUPS)]
    habits = np.cumsum(rng.exponential(size=GROUPS) ** 2)
    habits /= habits[-1]
    with open(target, "w", encoding="ascii") as out:
        for singles, of_groups in zip(1 + rng.poisson(5, baskets), rng.poisson(1.2, baskets)):
            basket = set(np.searchsorted(popularity, rng.random(singles)).tolist())
            for group in np.searchsorted(habits, rng.random(of_groups)):
                items = groups[group]
                basket.update(items[rng.random(len(items)) < 0.8].tolist())
            out.write(" ".join(map(str, sorted(basket))) + "\n")


def main(folder):
    data = os.environ.get("RETAILSCOPE_DATA")
    if data:
        online_retail(Path(data) / "online_retail_ii/online_retail_II.csv.zst", folder / "online_retail.dat")
        for name in ("retail", "mushroom"):
            text = unpacked(Path(data) / f"fimi/{name}.dat.zst")
            (folder / f"{name}.dat").write_text(text, encoding="ascii")
    generate(folder / "generated.dat", GENERATED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
