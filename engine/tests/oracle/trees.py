"""Writes trees.json beside it: what xgboost 3.2.0 and scikit-learn 1.9.1 give on small data with few distinct values."""
import json, pathlib
import numpy as np, xgboost as xgb
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

r = np.random.default_rng(7)
n = 300
x = r.integers(0, 9, size=(n, 5)) / 2.0
x[:, 2] = 1.0  # constant
odds = x[:, 0] - 0.5 * x[:, 1] * (x[:, 3] > 2) + 0.3 * x[:, 4]
label = (odds + r.logistic(size=n) > 1.5).astype(int)
target = np.round(10 * odds + r.normal(size=n), 3)
weight = np.round(r.uniform(0.5, 3, size=n), 3)
full = x.copy()
x[r.uniform(size=n) < 0.15, 1] = np.nan
x[(r.uniform(size=n) < 0.3) & (label == 1), 3] = np.nan

def boosted(y, weight, explained, **params):
    params = dict(max_depth=4, eta=0.3, reg_lambda=1.0, reg_alpha=0.0, min_child_weight=1.0, gamma=0.0) | params
    data = xgb.DMatrix(x, y, weight=weight)
    model = xgb.train(params | dict(tree_method="hist", nthread=1), data, 10)
    got = dict(params=params, weighted=weight is not None,
               raw=model.predict(data, output_margin=True).astype(float).tolist(),
               gain=[float(model.get_score(importance_type="total_gain").get(f"f{f}", 0)) for f in range(5)])
    if explained:
        got["contributions"] = model.predict(xgb.DMatrix(x[:explained]), pred_contribs=True).astype(float).tolist()
        saved = json.loads(model.save_raw("json"))["learner"]
        keep = ["split_indices", "split_conditions", "left_children", "right_children", "default_left", "sum_hessian", "loss_changes"]
        got["trees"] = [{k: t[k] for k in keep} for t in saved["gradient_booster"]["model"]["trees"][:4]]
        got["first_raw"] = model.predict(data, output_margin=True, iteration_range=(0, 4)).astype(float).tolist()
        got["first_contributions"] = model.predict(
            xgb.DMatrix(x[:explained]), pred_contribs=True, iteration_range=(0, 4)).astype(float).tolist()
    return got

def shares(weight, x, **params):
    tree = DecisionTreeClassifier(random_state=0, **params).fit(x, label, sample_weight=weight)
    return dict(params=params, weighted=weight is not None, raw=tree.predict_proba(x)[:, 1].tolist(),
                importance=tree.feature_importances_.tolist())

def stumps(weight, rate):
    model = AdaBoostClassifier(n_estimators=20, learning_rate=rate).fit(full, label, sample_weight=weight)
    return dict(learning_rate=rate, weighted=weight is not None, raw=model.decision_function(full).tolist(),
                features=[int(t.tree_.feature[0]) for t in model.estimators_],
                thresholds=[float(t.tree_.threshold[0]) for t in model.estimators_])

rows = lambda x: [[None if np.isnan(v) else v for v in row] for row in x.tolist()]
json.dump(dict(
    how=__doc__, x=rows(x), full=rows(full), label=label.tolist(), target=target.tolist(), weight=weight.tolist(),
    boosted=[boosted(label, None, 12, objective="binary:logistic"),
             boosted(label, weight, 0, objective="binary:logistic", max_depth=3, reg_lambda=0.5, min_child_weight=4.0),
             boosted(target, weight, 0, objective="reg:squarederror", max_depth=5, reg_alpha=2.0),
             boosted(target, None, 0, objective="reg:squarederror", eta=0.1, max_depth=3, gamma=50.0)],
    trees=[shares(None, full, max_depth=3), shares(weight, full, max_depth=4, min_samples_leaf=10),
           shares(weight, x, max_depth=3, min_samples_leaf=5)],
    stumps=[stumps(None, 1.0), stumps(weight, 0.7)],
), open(pathlib.Path(__file__).with_suffix(".json"), "w"), separators=(",", ":"))
