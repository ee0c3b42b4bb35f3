"""How much hangs on the seed example: what a strategy's sets from several seed examples differ in, beside chance."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from pandas import DataFrame

from lib.core import set_names
from lib.core.artifacts import ExampleSet
from lib.core.stats import chance_of_spread, share_interval
from lib.diversity.measures import HUMAN

_NORMAL = 1.96
_COLUMNS = ["strategy", "measure", "starts", "mean", "lowest", "highest", "sd_over_starts", "sd_within", "p"]


def spread_over_starts(measured: DataFrame, sets: Mapping[str, ExampleSet]) -> DataFrame:
    """One row for each strategy with several seed examples and measure of its sets, the share of items that were kept among them:
    mean, range and standard deviation over starts; that of one start, by its interval; and p, whether starts differ by more than
    their intervals explain (Cochran's Q)."""
    rows = measured[measured.set != HUMAN][["set", "measure", "value", "low", "high"]]
    table = pd.concat([rows, _kept(sets)], ignore_index=True)
    table = table.assign(strategy=[replace(set_names.find(name), start=1).key for name in table.set])
    found = []
    for (strategy, measure), part in table.groupby(["strategy", "measure"], sort=False):
        if part.set.nunique() > 1:
            found.append({"strategy": strategy, "measure": measure, **_spread(part)})
    return pd.DataFrame(found, columns=_COLUMNS)


def _kept(sets: Mapping[str, ExampleSet]) -> DataFrame:
    """The share of the items of each set that were kept, where the set says what became of the others."""
    rows = []
    for name, example_set in sets.items():
        items = sum(row["items"] for row in example_set.account)
        kept = sum(row["items"] for row in example_set.account if row["outcome"] == "kept")
        if items:
            rows.append((name, "kept", *share_interval(kept, items)))
    return pd.DataFrame(rows, columns=["set", "measure", "value", "low", "high"])


def _spread(part: DataFrame) -> dict[str, float]:
    """What the values of some starts differ in."""
    values, errors = part["value"].to_numpy(float), ((part.high - part.low) / (2 * _NORMAL)).to_numpy(float)
    spread = {"starts": len(values), "mean": values.mean(), "lowest": values.min(), "highest": values.max()}
    spread |= {"sd_over_starts": values.std(ddof=1), "sd_within": float(np.sqrt((errors**2).mean()))}
    return spread | {"p": chance_of_spread(values, errors)}
