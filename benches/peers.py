"""One measurement of scikit-learn or xgboost, as a line of JSON: what engine/examples/models.rs measures of ours.

    python peers.py fit|score|segment MODEL FOLDER ROWS THREADS

The settings are those of models.rs. Threads of OpenMP and of BLAS are set from outside, in OMP_NUM_THREADS and the like.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

FEATURES = 12
K = 5
FITTED = 100_000


def megabytes(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def measure(run):
    """The median of at least three runs and of a second; one that takes ten seconds is run once."""
    start, cpu, before = time.perf_counter(), time.process_time(), megabytes("VmRSS")
    runs = []
    while True:
        one = time.perf_counter()
        result = run()
        now = time.perf_counter()
        runs.append(now - one)
        if now - start > 10 or (len(runs) >= 3 and now - start > 1):
            break
    cpu = (time.process_time() - cpu) / len(runs)
    peak = megabytes("VmHWM")
    seconds = sorted(runs)[len(runs) // 2]
    return {"seconds": seconds, "cpu": cpu, "peak_mb": peak, "grown_mb": peak - before}, result


def matrix(path):
    return np.fromfile(path).reshape(-1, FEATURES)


def labels(path):
    return np.fromfile(path, dtype=bool)


def signed_log(x):
    return np.copysign(np.log1p(np.abs(x)), x)


def learner(model, threads):
    if model == "logistic":
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, StandardScaler

        return make_pipeline(FunctionTransformer(signed_log), StandardScaler(), LogisticRegression(C=1, tol=1e-4))
    if model == "forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(100, max_depth=12, max_features="sqrt", n_jobs=threads, random_state=1)
    if model == "adaboost":
        from sklearn.ensemble import AdaBoostClassifier

        # Its default learner is a tree of depth 1.
        return AdaBoostClassifier(n_estimators=100, random_state=1)
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=100, max_depth=6, learning_rate=0.1, tree_method="hist", n_jobs=threads, random_state=1
    )


def measure_fit(model, folder, rows, threads):
    x, y = matrix(folder / f"customers-{rows}.x"), labels(folder / f"customers-{rows}.y")
    unfitted = learner(model, threads)
    figures, fitted = measure(lambda: unfitted.fit(x, y))
    from sklearn.metrics import roc_auc_score

    probabilities = fitted.predict_proba(matrix(folder / "holdout.x"))[:, 1]
    figures["auc"] = roc_auc_score(labels(folder / "holdout.y"), probabilities)
    return figures


def measure_score(model, folder, rows, threads):
    x, y = matrix(folder / f"customers-{FITTED}.x"), labels(folder / f"customers-{FITTED}.y")
    fitted = learner(model, threads).fit(x, y)
    x = matrix(folder / f"customers-{rows}.x")
    return measure(lambda: fitted.predict_proba(x)[:, 1])[0]


def measure_segments(model, folder, rows, _threads):
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score
    from sklearn.mixture import GaussianMixture
    from sklearn.preprocessing import StandardScaler

    x = matrix(folder / f"groups-{rows}.x")
    if model == "kmeans":
        figures, found = measure(lambda: KMeans(K, n_init=1, random_state=0).fit(x))
        return figures | {"inertia": found.inertia_, "steps": int(found.n_iter_)}
    method = {"whole_kmeans": KMeans(K, n_init=1, random_state=0), "whole_gaussian_mixture": GaussianMixture(K, random_state=0)}

    def whole():
        z = StandardScaler().fit_transform(x)
        silhouette_score(z, method[model].fit_predict(z), sample_size=min(10_000, len(z)), random_state=0)

    return measure(whole)[0]


def main(task, model, folder, rows, threads):
    run = {"fit": measure_fit, "score": measure_score, "segment": measure_segments}[task]
    print(json.dumps(run(model, Path(folder), int(rows), int(threads))))


if __name__ == "__main__":
    main(*sys.argv[1:6])
