"""Made rules.json: python rules.py (mlxtend 0.25.0, scipy 1.17.1, statsmodels 0.15.0, mpmath 1.4, pandas, numpy).

scipy's own tails are off by up to 1e-8 where there are 50 million baskets; those of mpmath have 50 digits, and agree with
scipy's to 1e-7 everywhere.
"""

import json
import numpy as np
import pandas as pd
from mpmath import loggamma, mp, mpf
from mlxtend.frequent_patterns import association_rules, fpgrowth
from scipy.stats import hypergeom
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(11)


mp.dps = 50


def tail(both, left, right, total):
    def ln_choose(n, k):
        return loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1)

    def ln_term(k):
        ways = ln_choose(left, k) + ln_choose(total - left, right - k)
        return ways - ln_choose(total, right)

    def sum_from(k, step, ratio, end):
        term = total_ = mp.exp(ln_term(k))
        while k != end and term > total_ * mpf(10) ** -40:
            term *= ratio(k)
            total_ += term
            k += step
        return total_

    low, high = max(0, left + right - total), min(left, right)
    if both <= low:
        return 1.0
    rest = total - left - right
    if both * total > left * right:
        up = lambda k: mpf((left - k) * (right - k)) / ((k + 1) * (rest + k + 1))
        p = sum_from(both, 1, up, high)
    else:
        down = lambda k: mpf(k * (rest + k)) / ((left - k + 1) * (right - k + 1))
        p = 1 - sum_from(both - 1, -1, down, low)
    scipys = hypergeom.sf(both - 1, total, left, right)
    assert abs(scipys - p) <= 1e-7 * p or p < 1e-280, (both, left, right, total, scipys, p)
    return float(p)


# Tables of all kinds: independent, attracting, repelling, tiny, huge, at the ends.
tables = []
for total in [2, 5, 20, 100, 9_835, 39_514, 1_000_000, 50_000_000]:
    for _ in range(40):
        left = int(rng.integers(1, total + 1))
        if rng.random() < 0.7:
            left = max(1, int(left * rng.random() ** 6))
        right = int(np.clip(left * rng.lognormal(0, 1), 1, total))
        low, high = max(0, left + right - total), min(left, right)
        expected = left * right / total
        spread = max(1.0, np.sqrt(expected))
        at = {
            0: rng.integers(low, high + 1),
            1: expected + spread * rng.normal() * 3,
            2: high,
            3: low,
            4: expected + spread * 20 * rng.random(),
        }[int(rng.integers(0, 5))]
        both = int(np.clip(round(float(at)), max(low, 1), high))
        tables.append((both, left, right, total))
fisher = []
for table in tables:
    p = tail(*table)
    fisher.append([*table, p])

# mlxtend's measures on small baskets, and its p-values after Benjamini and Hochberg.
weights = np.array([0.7, 0.5, 0.5, 0.35, 0.3, 0.2, 0.1])
rows = rng.random((400, 7)) < weights
rows[:, 1] |= rows[:, 0] & (rng.random(400) < 0.5)
rows[:, 6] &= rows[:, 2] | (rng.random(400) < 0.1)
rows[:, 3] |= rows[:, 6]
rows[5] = False
frame = pd.DataFrame(rows, columns=list("abcdefg"))
frequent = fpgrowth(frame, min_support=0.02, use_colnames=True)
found = association_rules(frequent, metric="support", min_threshold=0.0)
rules = []
for _, r in found.iterrows():
    n = lambda s: round(s * 400)
    counts = [n(r["support"]), n(r["antecedent support"]), n(r["consequent support"])]
    low, high = proportion_confint(counts[0], counts[1], method="wilson")
    rules.append(
        {
            "antecedent": sorted(r["antecedents"]),
            "consequent": sorted(r["consequents"]),
            "counts": counts,
            "p_value": tail(*counts, 400),
            "confidence_low": low,
            "confidence_high": high,
            "cosine": counts[0] / np.sqrt(counts[1] * counts[2]),
            "zhang": r["zhangs_metric"],
            **{
                k: (None if np.isinf(r[k]) else r[k])
                for k in [
                    "support",
                    "confidence",
                    "lift",
                    "leverage",
                    "conviction",
                    "jaccard",
                    "kulczynski",
                ]
            },
        }
    )
q = multipletests([r["p_value"] for r in rules], method="fdr_bh")[1]
for rule, value in zip(rules, q):
    rule["q_value"] = value
baskets = ["".join(c for c, held in zip("abcdefg", row) if held) for row in rows]

with open("rules.json", "w") as file:
    json.dump({"fisher": fisher, "baskets": baskets, "rules": rules}, file)
