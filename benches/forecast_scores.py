"""How far forecasts are off: the same for ours and for others', from what both say of each origin."""

import json
import statistics

import numpy as np

LEVELS = (80, 95)


class Case:
    """A file that forecast_data.py wrote."""

    def __init__(self, folder, name):
        self.file = str(folder / f"{name}.json")
        content = json.loads((folder / f"{name}.json").read_text(encoding="ascii"))
        self.season, self.horizon = content["season"], content["horizon"]
        self.values = {one["id"]: np.array(one["values"]) for one in content["series"]}
        self.origins = [(one["id"], origin) for one in content["series"] for origin in one["origins"]]

    def after(self, name, origin):
        return self.values[name][origin : origin + self.horizon]

    def scale(self, name, origin):
        """What the seasonal naive errs by within what is known; the naive, where less than a season is known (two series of `aus`)."""
        known = self.values[name][:origin]
        season = self.season if origin > self.season else 1
        return np.mean(np.abs(known[season:] - known[:-season]))


class Score:
    """Of the lines that a model said, one an origin (or several with different seeds)."""

    def __init__(self, case, lines):
        self.seconds = sum(line.get("cpu", 0) for line in lines)
        by_origin = {}
        self.inside = {level: {} for level in LEVELS}
        for line in lines:
            key = line["id"], line["origin"]
            if not np.isfinite(line["forecast"]).all():
                continue
            actual = case.after(*key)
            errors = np.abs(np.array(line["forecast"]) - actual)
            by_origin.setdefault(key, []).append(np.mean(errors) / case.scale(*key))
            for level in LEVELS:
                if f"lower{level}" in line:
                    lower, upper = np.array(line[f"lower{level}"], float), np.array(line[f"upper{level}"], float)
                    self.inside[level][key] = np.mean((lower <= actual) & (actual <= upper))
        found = [by_origin.get(key) for key in case.origins]
        self.mase = [errors and statistics.fmean(errors) for errors in found]
        self.missing = found.count(None)

    def mean(self, last=0):
        """Of so many newest origins, or of all; those without a forecast are left out."""
        found = [error for error in self.mase[-last:] if error is not None]
        return statistics.fmean(found) if found else float("inf")

    def judged(self, last=0):
        """As `mean`, but an origin without a forecast is as bad as can be."""
        return self.mean(last) if None not in self.mase[-last:] else float("inf")

    def coverage(self, level):
        """In per cent, of the origins that have intervals; None without any."""
        found = list(self.inside[level].values())
        return 100 * statistics.fmean(found) if found else None
