"""Writes boosted_forecast.json beside it: the errors of forecasts of xgboost 3.2.0 on the rows that the engine trains on.

The rows come from the engine:
    BOOSTED_ROWS=folder cargo test --release -p retailscope-engine rows_for_xgboost -- --ignored
    python boosted_forecast.py folder
Of each fold of 28 days: the mean absolute error and the root mean squared error, in the units of the series."""
import json, pathlib, sys
import numpy as np, xgboost as xgb

usual = dict(objective="reg:squarederror", tree_method="hist", nthread=1, max_depth=4, eta=0.05, subsample=0.8,
             colsample_bytree=0.8, min_child_weight=20.0, reg_lambda=1.0)
settings = dict(all=(usual | dict(subsample=1.0, colsample_bytree=1.0), 1), default=(usual, 20))

def errors(train, test, params, seeds):
    data, ahead = xgb.DMatrix(train[:, 1:], train[:, 0]), xgb.DMatrix(test[:, 3:])
    got = []
    for seed in range(seeds):
        model = xgb.train(params | dict(seed=seed, base_score=float(train[:, 0].mean())), data, 100)
        off = test[:, 1] + test[:, 2] * model.predict(ahead).astype(float) - test[:, 0]
        got.append([np.abs(off).mean(), np.sqrt((off ** 2).mean())])
    return np.mean(got, axis=0).tolist()

folder = pathlib.Path(sys.argv[1])
read = lambda fold, kind: np.genfromtxt(folder / f"{fold}.{kind}.csv", delimiter=",")
folds = sorted(p.name.removesuffix(".train.csv") for p in folder.glob("*.train.csv"))
json.dump(dict(how=__doc__, errors={
    name: {fold: errors(read(fold, "train"), read(fold, "test"), *setting) for fold in folds}
    for name, setting in settings.items()}), open(pathlib.Path(__file__).with_suffix(".json"), "w"), indent=1)
