"""Made segments.csv and segments.json: python segments.py (scikit-learn 1.9.1, scipy)."""

import json
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

rng = np.random.default_rng(7)
mixing = np.array([[1.0, 0.6, 0.0], [0.0, 0.5, 0.3], [0.2, 0.0, 0.8]])
groups = [(0, 0, 0), (9, 0, 4), (0, 8, -6), (2.5, 1, 1)]
x = np.vstack([rng.normal(size=(100, 3)) @ mixing * 0.8 + g for g in groups])
x = np.round(x, 5)
np.savetxt("segments.csv", x, delimiter=",", fmt="%.5f")

out = {"kmeans": []}
for k in range(2, 6):
    best = KMeans(k, n_init=50, random_state=1, tol=0).fit(x)
    silhouette = silhouette_score(x, best.labels_)
    out["kmeans"].append({"k": k, "inertia": best.inertia_, "silhouette": silhouette})

# From given centres: one partition, and the mixture that begins with it.
centres = x[[0, 100, 200, 300]]
step = KMeans(4, init=centres, n_init=1, max_iter=1, tol=0).fit(x)
labels = np.argmin(((x[:, None] - centres) ** 2).sum(2), axis=1)
out["given"] = {
    "inertia": ((x - centres[labels]) ** 2).sum(),
    "silhouette": silhouette_score(x, labels),
    "step_inertia": step.inertia_,
    "step_centres": step.cluster_centers_.ravel().tolist(),
}
hot = [x[labels == c] for c in range(4)]
precisions = [np.linalg.inv(np.cov(h.T, bias=True) + 1e-6 * np.eye(3)) for h in hot]
mixture = GaussianMixture(
    4,
    weights_init=[len(h) / len(x) for h in hot],
    means_init=[h.mean(0) for h in hot],
    precisions_init=precisions,
    max_iter=500,
).fit(x)
out["mixture"] = {
    "log_likelihood": mixture.score(x),
    "bic": mixture.bic(x),
    "iterations": mixture.n_iter_,
    "weights": mixture.weights_.tolist(),
    "means": mixture.means_.ravel().tolist(),
    "precisions": mixture.precisions_.ravel().tolist(),
    "labels": mixture.predict(x).tolist(),
}

out["assignment"] = []
for rows, columns in [(6, 6), (4, 9), (9, 4), (1, 3), (12, 12)]:
    costs = np.round(rng.uniform(0, 10, size=(rows, columns)), 3)
    chosen = linear_sum_assignment(costs)
    out["assignment"].append({"costs": costs.tolist(), "total": costs[chosen].sum()})
with open("segments.json", "w") as file:
    json.dump(out, file)
    file.write("\n")
