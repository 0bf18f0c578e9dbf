"""One measurement of what people forecast with, as lines of JSON: what engine/examples/forecasts.rs measures of ours.

    python forecast_peers.py fit|auto TOOL FILE.json PARAMS
    python forecast_peers.py accuracy MODEL FILE.json PART OF
    python forecast_peers.py boosted xgboost FILE.json PARAMS

The lines are those of forecasts.py. Threads are set from outside, in OMP_NUM_THREADS and the like. PARAMS are those of ours; what a
library compiles when it is first called is compiled before the clock starts.
"""

import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from peers import measure

# All but the warnings of a fit are of no use, and those come thousandfold.
warnings.filterwarnings("ignore")
COMPONENTS = {"A": "add", "M": "mul", "N": None}
LEVELS = (80, 95)


def read(file):
    with open(file, encoding="ascii") as text:
        return json.load(text)


def doubles(file, case):
    return np.fromfile(Path(file).with_suffix(".f64")).reshape(case["rows"], case["doubles"])


def orders(p, d, q, sp=0, sd=0, sq=0, season=1):
    return f"({p},{d},{q})" + (f"({sp},{sd},{sq})[{season}]" if season > 1 else "")


class Statsmodels:
    """As the manual shows it: differences are part of the state."""

    simple_differencing = False

    def sarima(self, y, season, x, params):
        from statsmodels.tsa.statespace.sarimax import SARIMAX

        seasonal = (*params.get("seasonal_order", (0, 0, 0)), season) if season > 1 else (0, 0, 0, 0)
        model = SARIMAX(
            y, exog=x, order=params["order"], seasonal_order=seasonal, simple_differencing=self.simple_differencing
        )
        fitted = model.fit(disp=False)
        return {"loglik": fitted.llf, "aicc": fitted.aicc, "label": orders(*params["order"], *seasonal)}

    def ets(self, y, season, _x, params):
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        error, trend, seasonal = (COMPONENTS[letter] for letter in params["model"])
        fitted = ETSModel(y, error, trend, seasonal=seasonal, seasonal_periods=season).fit(disp=False)
        # R, and we, leave out the terms that do not depend on the parameters.
        n = len(y)
        loglik = fitted.llf + n / 2 * (np.log(2 * np.pi) + 1 - np.log(n))
        return {"loglik": loglik, "label": f"ETS({params['model']})"}


class StatsmodelsDifferenced(Statsmodels):
    simple_differencing = True


class Statsforecast:
    """Fitted and searched as R's forecast does it."""

    def sarima(self, y, season, x, params):
        from statsforecast.models import ARIMA, AutoARIMA

        if "order" in params:
            seasonal = params.get("seasonal_order", (0, 0, 0))
            model = ARIMA(order=params["order"], season_length=season, seasonal_order=seasonal, include_mean=False)
        else:
            model = AutoARIMA(season_length=season)
        found = model.fit(y, x).model_
        p, q, sp, sq, _, d, sd = found["arma"]
        more = "".join(f" {name}" for name in found["coef"] if name in ("drift", "intercept"))
        return {"loglik": found["loglik"], "aicc": found["aicc"], "label": orders(p, d, q, sp, sd, sq, season) + more}

    def ets(self, y, season, _x, params):
        from statsforecast.models import AutoETS

        found = AutoETS(season_length=season, model=params.get("model", "ZZZ")).fit(y).model_
        return {"loglik": float(found["loglik"]), "aicc": float(found["aicc"]), "label": found["method"]}


class Pmdarima:
    def sarima(self, y, season, x, _params):
        from pmdarima import auto_arima

        found = auto_arima(y, x, m=season, seasonal=season > 1, suppress_warnings=True, error_action="ignore")
        more = " intercept" if found.with_intercept else ""
        seasonal = found.seasonal_order if season > 1 else ()
        result = found.arima_res_
        return {"loglik": result.llf, "aicc": found.aicc(), "label": orders(*found.order, *seasonal) + more}


TOOLS = {
    "statsmodels": Statsmodels,
    "statsmodels-differenced": StatsmodelsDifferenced,
    "statsforecast": Statsforecast,
    "pmdarima": Pmdarima,
}


def one_fit(kind, tool, file, params):
    case = read(file)
    model = params.pop("method")
    series = case["series"][0]
    y, x = np.array(series["values"]), None
    if "xreg" in params:
        x = np.array(series["regressors"]).T
    run = getattr(TOOLS[tool](), model)
    # A fit of little, for what is loaded or compiled late.
    short = {"order": (1, 0, 0)} if "order" in params else dict(params)
    run(y[: 5 * case["season"] + 30], case["season"], None, short)
    figures, found = measure(lambda: run(y, case["season"], x, params))
    print(json.dumps({"kind": kind, "case": case["case"], "model": model, "tool": tool, **found, **figures}))


def forecaster(model, season):
    from statsforecast import models

    if model == "Naive":
        return models.Naive()
    if model.startswith("MSTL"):
        return models.MSTL([int(one) for one in model.split("-")[1:]])
    return getattr(models, model)(season_length=season)


def accuracy(model, file, part, of):
    case = read(file)
    name, *transform = model.split(" of ")
    for series in case["series"][part::of]:
        for origin in series["origins"]:
            y = np.array(series["values"][:origin])
            cpu = time.process_time()
            fitted = forecaster(name, case["season"])
            found = fitted.forecast(y=np.log(y) if transform else y, h=case["horizon"], level=list(LEVELS))
            cpu = time.process_time() - cpu
            line = {"kind": "accuracy", "case": case["case"], "model": model, "id": series["id"], "origin": origin, "cpu": cpu}
            names = {"forecast": "mean"} | {f"{to}{level}": f"{side}-{level}" for to, side in (("lower", "lo"), ("upper", "hi")) for level in LEVELS}
            for to, column in names.items():
                if column in found:
                    values = np.exp(found[column]) if transform else found[column]
                    line[to] = [float(value) for value in values]
            print(json.dumps(line), flush=True)


def boosted(file, params):
    import xgboost

    case = read(file)
    rows = doubles(file, case)
    x, y, training = rows[:, :-2], rows[:, -1], case["training"]
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    model = xgboost.XGBRegressor(tree_method="hist", n_jobs=threads, random_state=1, **params)
    figures, fitted = measure(lambda: model.fit(x[:training], y[:training]))
    predictions = fitted.predict(x[training:]).tolist()
    print(json.dumps({"kind": "boosted", "case": case["case"], "model": "xgboost", "predictions": predictions, **figures}))


def main(kind, tool, file, *rest):
    if kind == "accuracy":
        accuracy(tool, file, int(rest[0]), int(rest[1]))
    elif kind == "boosted":
        boosted(file, json.loads(rest[0]))
    else:
        one_fit(kind, tool, file, json.loads(rest[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
