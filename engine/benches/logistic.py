"""scikit-learn's logistic regression on the matrix of logistic.rs: seconds of CPU and objective."""
import sys
import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


def unit(n):
    with np.errstate(over="ignore"):
        z = (n + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / float(1 << 53)


for rows in [int(a) for a in sys.argv[1:]] or [5_000, 100_000, 1_000_000]:
    n = np.arange(rows * 12, dtype=np.uint64) * np.uint64(4)
    x = 2 * (unit(n) + unit(n + np.uint64(1)) + unit(n + np.uint64(2)) - 1.5)
    x = x.reshape(rows, 12)
    coefficients = (np.arange(12) % 5 - 2) * 0.3
    margin = 0.5 + x @ coefficients
    y = unit(np.arange(rows, dtype=np.uint64) * np.uint64(48) + np.uint64(3)) < 1 / (1 + np.exp(-margin))
    x = StandardScaler().fit_transform(x)
    for tol in (1e-4, 1e-10):
        best = (9e9, 9e9)
        for _ in range(3):
            cpu, wall = time.process_time(), time.perf_counter()
            model = LogisticRegression(tol=tol).fit(x, y)
            best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
        b = model.coef_[0]
        m = x @ b + model.intercept_[0]
        objective = np.sum(np.logaddexp(0, m) - y * m) + b @ b / 2
        print(f"{rows} rows, tol {tol}: {best[0]:.4f} s, {best[1]:.4f} CPU s, {model.n_iter_[0]} iterations, objective {objective:.6f}")
