"""Made reconcile.json: python reconcile.py (numpy 2.4.6; hierarchicalforecast 1.5.3 has to agree where it has the method).

42 bottom series, a total and two overlapping groups, 600 residuals; numbers from a generator that the test has too.
"""

import json

import numpy as np

BOTTOMS, TIMES, STEPS = 42, 600, 3


class Draws:
    def __init__(self):
        self.state = 20110917

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) / 2**31 - 0.5


draw = Draws()
groups = [list(range(BOTTOMS)), list(range(20)), list(range(15, 30))]
A = np.array([[float(b in g) for b in range(BOTTOMS)] for g in groups])
S = np.vstack([A, np.eye(BOTTOMS)])
size = np.array([1000.0 / (1 + b) for b in range(BOTTOMS)])
bottom = np.zeros((BOTTOMS, TIMES))
top = np.zeros((3, TIMES))
for t in range(TIMES):
    common = draw()
    for b in range(BOTTOMS):
        bottom[b, t] = size[b] * (0.6 * common + draw())
    for k in range(3):
        top[k, t] = 0.7 * bottom[groups[k], t].sum() + 300.0 * draw()
bottom[41] = 0.0  # sold nothing, and that was forecast
E = np.vstack([top, bottom])
E -= E.mean(axis=1, keepdims=True)
base = np.zeros((3 + BOTTOMS, STEPS))
for h in range(STEPS):
    for b in range(BOTTOMS):
        base[3 + b, h] = size[b] * (2.0 + draw())
    for k in range(3):
        base[k, h] = A[k] @ base[3:, h] * (1.0 + 0.2 * draw())
base[44] = 0.0


def shrunk(E):
    n = E.shape[1]
    cov = E @ E.T / n
    sd = np.sqrt(np.diag(cov))
    X = np.where(sd[:, None] > 0, E / np.where(sd > 0, sd, 1)[:, None], 0)
    R = X @ X.T / n
    V = ((X**2) @ (X**2).T - (X @ X.T) ** 2 / n) / (n * (n - 1))
    off = ~np.eye(len(E), dtype=bool)
    lam = min(1.0, V[off].sum() / (R[off] ** 2).sum())
    return lam * np.diag(np.diag(cov)) + (1 - lam) * cov, lam


def reconciled(W):
    # The form with W^-1, which the engine does not use; a series without variance gets a tiny one.
    W = W + 1e-11 * np.diag(W).mean() * np.diag((np.diag(W) == 0).astype(float))
    inverse = np.linalg.inv(W)
    G = np.linalg.solve(S.T @ inverse @ S, S.T @ inverse)
    return S @ G


W, lam = shrunk(E)
maps = {
    "bottom_up": S @ np.hstack([np.zeros((BOTTOMS, 3)), np.eye(BOTTOMS)]),
    "ols": reconciled(np.eye(len(E))),
    "wls": reconciled(np.diag((E**2).mean(axis=1))),
    "mint": reconciled(W),
}
out = {"lambda": lam}
for name, M in maps.items():
    spread = np.sqrt(((M @ E) ** 2).sum(axis=1) / np.where((E**2).sum(axis=1) > 0, (E**2).sum(axis=1), 1))
    spread[44] = 1.0
    out[name] = {"forecasts": (M @ base).tolist(), "spread": spread.tolist()}

try:
    from hierarchicalforecast.methods import MinTrace

    # It centres residuals, but refuses centred ones, and a series without variance, whose forecast of 0 changes nothing in the sums.
    keep = np.arange(len(E)) != 44
    zero = np.zeros_like(E[keep])
    for name, theirs in [("ols", "ols"), ("wls", "wls_var"), ("mint", "mint_shrink")]:
        kind = {"mint_shr_ridge": 1e-12} if theirs == "mint_shrink" else {}
        ours = maps[name] @ base
        if theirs == "ols":
            fit = MinTrace(theirs).fit(S, base)
            gap = np.abs(S @ (fit.P @ base) - ours).max()
        else:
            fit = MinTrace(theirs, **kind).fit(
                S[keep][:, :-1], base[keep], y_insample=E[keep] + 1e-3, y_hat_insample=zero
            )
            gap = np.abs(S[keep][:, :-1] @ (fit.P @ base[keep]) - ours[keep]).max()
        print(name, "differs from hierarchicalforecast by", gap / np.abs(base).max())
        assert gap < 1e-6 * np.abs(base).max()
except ImportError:
    pass

with open("reconcile.json", "w") as file:
    json.dump(out, file, indent=0)
