"""Writes the matrices that training, scoring and segmenting are measured on, as plain doubles: python matrices.py FOLDER ROWS...

Customers have twelve features, skewed and correlated as those of a shop are, and a label whose log-odds are not linear in
them; the true probabilities have an AUC of 0.77. Groups are five clouds that overlap.
"""

import sys
from pathlib import Path

import numpy as np

FEATURES = 12
HOLDOUT = 100_000


def customers(rows, seed):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((rows, FEATURES))
    z[:, 1] += 0.8 * z[:, 0]
    z[:, 2] += 0.6 * z[:, 1]
    x = z.copy()
    x[:, :4] = np.exp(z[:, :4])
    x[:, 4:7] = np.floor(np.exp(1 + 0.8 * z[:, 4:7]))
    x[:, 7] = z[:, 7] > 0.5
    log_odds = (
        0.7 * z[:, 0] - 0.5 * z[:, 1] + 0.6 * z[:, 4] - 0.7 * np.minimum(z[:, 5], z[:, 6]) + 0.8 * x[:, 7]
        + 0.5 * np.sin(2 * z[:, 8]) - 0.25 * z[:, 10] ** 2 - 0.5
    )  # fmt: skip
    probability = 1 / (1 + np.exp(-log_odds))
    return x, rng.random(rows) < probability


def groups(rows, seed):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-3, 3, (5, FEATURES))
    return centres[np.arange(rows) % 5] + 2 * rng.standard_normal((rows, FEATURES))


def write_customers(folder, name, rows, seed):
    x, y = customers(rows, seed)
    x.tofile(folder / f"{name}.x")
    y.tofile(folder / f"{name}.y")


def main(folder, sizes):
    write_customers(folder, "holdout", HOLDOUT, 0)
    for rows in sizes:
        write_customers(folder, f"customers-{rows}", rows, rows)
        groups(rows, rows).tofile(folder / f"groups-{rows}.x")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(rows) for rows in sys.argv[2:]])
