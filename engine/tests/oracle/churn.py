"""Expected numbers for the building blocks of churn, by scikit-learn 1.9 and by definition: python churn.py > churn.json"""
import json

import numpy as np
from sklearn import metrics
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(3)
n = 120
x = np.column_stack([
    rng.integers(0, 400, n), rng.exponential(300, n).round(2) - 100, rng.integers(1, 6, n), rng.normal(0, 1, n).round(3),
]).astype(float)
margin = 0.8 * (x[:, 0] - 200) / 115 - 0.004 * x[:, 1] + 0.3 * x[:, 3]
y = rng.random(n) < 1 / (1 + np.exp(-margin - 0.5))
x[rng.random(n) < 0.15, 3] = np.nan
weights = rng.uniform(0.3, 3, n).round(2)

prepared = StandardScaler().fit_transform(np.sign(x) * np.log1p(np.abs(x)))
prepared = np.nan_to_num(np.column_stack([prepared, StandardScaler().fit_transform(np.isnan(x[:, [3]]))]))

fits = []
for c, l1_ratio, weighted in [(1, 0, False), (0.01, 0, False), (100, 0, True), (1, 0.5, False), (0.1, 1, True), (0.05, 0.3, False)]:
    solver = "saga" if l1_ratio else "newton-cholesky"
    model = LogisticRegression(C=c, l1_ratio=l1_ratio, solver=solver, tol=1e-13, max_iter=1_000_000)
    model.fit(prepared, y, weights if weighted else None)
    fits.append(dict(c=c, l1_ratio=l1_ratio, weighted=weighted, intercept=model.intercept_[0], coefficients=model.coef_[0].tolist()))

p = np.clip((0.5 + 0.4 * np.tanh(margin * 0.5) + rng.normal(0, 0.15, n)).round(2), 0, 1)
q = np.clip((0.5 + 0.2 * np.tanh(margin * 0.5) + rng.normal(0, 0.25, n)).round(2), 0, 1)



fpr, tpr, roc_t = metrics.roc_curve(y, p, drop_intermediate=False)
precision, recall, pr_t = metrics.precision_recall_curve(y, p)
hard = p >= 0.6
bins = np.minimum((p * 10).astype(int), 9)
ece = sum(abs(p[bins == b].sum() - y[bins == b].sum()) for b in range(10)) / n
isotonic = IsotonicRegression(out_of_bounds="clip").fit(p, y)
grid = np.linspace(-0.1, 1.1, 49)
a, b = _sigmoid_calibration(p, y.astype(float))


def kernel(s, t):
    return 1.0 if s > t else 0.5 if s == t else 0.0


def delong(first, second):
    """By definition: all pairs."""
    parts = []
    for s in (first, second):
        psi = np.array([[kernel(i, j) for j in s[~y]] for i in s[y]])
        parts.append((psi.mean(), psi.mean(axis=1), psi.mean(axis=0)))
    s10, s01 = np.cov([parts[0][1], parts[1][1]]), np.cov([parts[0][2], parts[1][2]])
    s = s10 / y.sum() + s01 / (~y).sum()
    return dict(auc_a=parts[0][0], auc_b=parts[1][0], variance=s[0, 0] + s[1, 1] - 2 * s[0, 1], standard_error_a=s[0, 0] ** 0.5)


print(json.dumps(dict(
    x=[[None if np.isnan(v) else v for v in row] for row in x], labels=y.tolist(), weights=weights.tolist(),
    prepared=prepared[:8].tolist(), fits=fits, p=p.tolist(), q=q.tolist(),
    roc_auc=metrics.roc_auc_score(y, p), average_precision=metrics.average_precision_score(y, p),
    log_loss=metrics.log_loss(y, p), brier=metrics.brier_score_loss(y, p), ece=ece,
    accuracy=metrics.accuracy_score(y, hard), precision=metrics.precision_score(y, hard),
    recall=metrics.recall_score(y, hard), f1=metrics.f1_score(y, hard),
    roc=[[f, t] for f, t in zip(fpr, tpr)],
    pr=[[r, v] for r, v in zip(recall[::-1], precision[::-1])],
    isotonic=dict(x=isotonic.X_thresholds_.tolist(), y=isotonic.y_thresholds_.tolist(), grid=isotonic.predict(grid).tolist()),
    platt=dict(a=-a, b=-b), delong=delong(p, q),
)))
