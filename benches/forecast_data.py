"""Writes the series that forecasts are measured on, one file a case: python forecast_data.py FOLDER

    FOLDER/CASE.json   {"case": "retail", "season": 6, "horizon": 28,
                        "series": [{"id": "revenue", "dates": ["2009-12-01", ...], "values": [...], "origins": [267, ..., 575],
                                    "names": ["promotion"], "regressors": [[...]]}, ...]}
    FOLDER/CASE.f64    of a case with "doubles": rows of so many of them, as numpy's `tofile` writes them

`origins` are the numbers of values that are known; `horizon` values after each are to be forecast. Series without dates have equal
steps. Regressors (those of `names`, for as many steps as there are values) and dates are there for few. Cases:

    retail     merchandise revenue of Online Retail II on its trading days, without the one Saturday: 12 origins, 28 trading days apart
    aus        152 monthly series of Australian retail turnover, the last 24 months to be forecast
    NAME       the reference series of engine/tests/forecasts/series, whole
    network    one of these, retail_daily, with 5 origins, 28 days apart
    daily      10,000 generated series of 730 days, as products of a shop sell
    boosted_*  lagged values and what came after them, for boosted trees

retail and aus, and boosted_retail, need RETAILSCOPE_DATA. Files that are there are not written again.
"""

import csv
import gzip
import json
import math
import os
import sys
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).parent.parent / "engine/tests/forecasts/series"
SEASONS = {
    "airpassengers": 12, "lakehuron": 1, "lh": 1, "logair": 12, "lynx": 1, "nile": 1, "nottem": 12, "retail_daily": 7,
    "retail_promo": 7, "usaccdeaths": 12, "wwwusage": 1,
}  # fmt: skip
HORIZON, ORIGINS, SATURDAY = 28, 12, "2009-12-05"
MONTHS = 24
DAILY = 10_000, 730
# Steps back that boosted trees see, and windows whose mean, deviation, minimum and maximum they see.
LAGS, WINDOWS = 28, (7, 14, 28)
FEATURES = LAGS + 4 * len(WINDOWS) + 1
HELD_OUT = 5 * HORIZON


def put(folder, case, season, horizon, series, **more):
    content = {"case": case, "season": season, "horizon": horizon, "series": series, **more}
    (folder / f"{case}.json").write_text(json.dumps(content), encoding="ascii")


def origins(length, step, count):
    return [length - HORIZON - step * back for back in range(count)][::-1]


def revenue(data):
    with open(data / "online_retail_ii/expected/daily_cleanL.csv", encoding="ascii") as lines:
        rows = [(row["day"], float(row["gross"])) for row in csv.DictReader(lines)]
    return list(zip(*(row for row in rows if row[0] != SATURDAY)))


def retail(folder, data):
    dates, values = revenue(data)
    series = {"id": "revenue", "dates": dates, "values": values, "origins": origins(len(values), HORIZON, ORIGINS)}
    put(folder, "retail", 6, HORIZON, [series])


def aus(folder, data):
    series = {}
    with gzip.open(data / "aus_retail/aus_retail.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            series.setdefault(row["Series ID"], []).append((row["Month"], float(row["Turnover"])))
    found = []
    for name, rows in sorted(series.items()):
        months, values = zip(*sorted(rows))
        found.append({"id": name, "dates": months, "values": values, "origins": [len(values) - MONTHS]})
    put(folder, "aus", 12, MONTHS, found)


def reference(folder):
    for name, season in SEASONS.items():
        columns = np.loadtxt(REFERENCE / f"{name}.csv", delimiter=",", ndmin=2).T.tolist()
        if name == "lynx":
            columns[0] = [math.log(value) for value in columns[0]]
        series = {"id": name, "values": columns[0], "origins": [len(columns[0])]}
        if len(columns) > 1:
            series |= {"names": ["promotion"], "regressors": columns[1:]}
        put(folder, name, season, 1, [series])
        if name == "retail_daily":
            series["origins"] = origins(len(columns[0]), HORIZON, 5)
            put(folder, "network", season, HORIZON, [series])


def daily(folder):
    """Weeks, years, trends, promotions and noise; a tenth are sold on few days only."""
    count, days = DAILY
    rng = np.random.default_rng(5)
    day = np.arange(days)
    values = np.empty((count, days))
    for row in values:
        level = np.exp(rng.normal(3, 1))
        week = np.exp(rng.normal(0, 0.3, 7))
        year = rng.normal(0.2, 0.1) * np.sin(2 * np.pi * (day - rng.integers(365)) / 365.25)
        trend = np.cumsum(rng.normal(rng.normal(0, 2e-4), 5e-3, days))
        promotion = np.where(rng.random(days) < 0.03, rng.uniform(0.2, 0.8), 0)
        mean = level * week[day % 7] * np.exp(year + trend + promotion)
        row[:] = rng.poisson(mean * rng.gamma(8, 1 / 8, days))
        if rng.random() < 0.1:
            row *= rng.random(days) < 0.15
    values.tofile(folder / "daily.f64")
    put(folder, "daily", 7, HORIZON, [], rows=count, doubles=days)


def boosted(folder, case, values):
    """A row for each origin and step ahead. Values count relative to the mean of the last 28, and so do targets; the last column is
    the target, the one before it that mean. The last rows, `rows` - `training` of them, are forecast."""
    y = np.asarray(values)
    training, forecast = [], []
    last = len(y) - HELD_OUT
    for origin in range(LAGS, len(y)):
        lags = y[origin - LAGS : origin][::-1]
        level = lags.mean()
        windows = [f(lags[:size]) for size in WINDOWS for f in (np.mean, np.std, np.min, np.max)]
        features = np.concatenate([lags, windows]) / level
        for step in range(1, HORIZON + 1):
            target = origin + step - 1
            row = [*features, step, level]
            if target < last:
                training.append([*row, y[target] / level])
            elif origin >= last and target < len(y):
                forecast.append([*row, y[target] / level])
    np.array(training + forecast).tofile(folder / f"{case}.f64")
    put(folder, case, 1, 1, [], rows=len(training) + len(forecast), training=len(training), doubles=FEATURES + 2)


def main(folder):
    data = os.environ.get("RETAILSCOPE_DATA")
    made = folder / "made"
    if made.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    reference(folder)
    boosted(folder, "boosted_daily", np.loadtxt(REFERENCE / "retail_daily.csv"))
    if data:
        retail(folder, Path(data))
        aus(folder, Path(data))
        boosted(folder, "boosted_retail", revenue(Path(data))[1])
    daily(folder)
    made.touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
