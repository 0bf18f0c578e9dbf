"""scikit-learn on the matrix that segments.rs wrote: python segments.py FILE FEATURES."""

import sys
import time
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

x = np.fromfile(sys.argv[1]).reshape(-1, int(sys.argv[2]))


def least(run):
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - start)
    return best, result


seconds, found = least(lambda: KMeans(5, n_init=1, random_state=0).fit(x))
print(f"  scikit-learn, k-means:   {seconds:.3f} s, {found.n_iter_} steps, inertia {found.inertia_:.1f}")


def whole(model):
    z = StandardScaler().fit_transform(x)
    labels = model.fit_predict(z)
    silhouette_score(z, labels, sample_size=10_000, random_state=0)


seconds, _ = least(lambda: whole(KMeans(5, n_init=1, random_state=0)))
print(f"  scikit-learn, scaler, k-means and silhouette: {seconds:.3f} s")
seconds, _ = least(lambda: whole(GaussianMixture(5, random_state=0)))
print(f"  scikit-learn, scaler, mixture and silhouette: {seconds:.3f} s", flush=True)
