"""Writes a CSV file ten times as long: each line with ten invoice numbers, so that no two lines are equal.

    python3 tenfold.py FILE.csv OUT.csv

The digit that tells the copies apart stands before the number, behind a leading letter ('C' marks a cancellation and
must stay in front). Everything else, the dates too, stays as it is.
"""

import csv
import io
import sys


def main(source, target):
    with open(source, encoding="utf-8", newline="") as lines, open(target, "w", encoding="utf-8", newline="") as out:
        rows = csv.reader(lines)
        csv.writer(out, lineterminator="\n").writerow(next(rows))
        for row in rows:
            tail = io.StringIO()
            csv.writer(tail, lineterminator="\n").writerow(row[1:])
            letters = row[0][: len(row[0]) - len(row[0].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
            number = row[0][len(letters) :]
            out.writelines(f"{letters}{copy}{number},{tail.getvalue()}" for copy in range(10))


if __name__ == "__main__":
    main(*sys.argv[1:3])
