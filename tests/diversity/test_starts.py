"""What sets from several seed examples differ in: by hand, and against chance."""

import numpy as np
import pandas as pd
import pytest

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.diversity.starts import spread_over_starts

NAMES = [SetName("tree"), SetName("tree", start=2), SetName("tree", start=3)]


def measured(values: list[float], error: float = 0.1) -> pd.DataFrame:
    rows = [(name.key, "vendi", value) for name, value in zip(NAMES, values, strict=True)]
    table = pd.DataFrame([*rows, ("human", "vendi", 9.0), ("random", "vendi", 4.0)], columns=["set", "measure", "value"])
    return table.assign(low=table["value"] - 1.96 * error, high=table["value"] + 1.96 * error, n=20)


def test_spread_by_hand() -> None:
    [row] = spread_over_starts(measured([3.0, 3.1, 3.2]), {}).to_dict("records")
    assert (row["strategy"], row["measure"], row["starts"]) == ("tree", "vendi", 3)
    assert (row["lowest"], row["mean"], row["highest"]) == pytest.approx((3.0, 3.1, 3.2))
    assert row["sd_over_starts"] == pytest.approx(0.1)
    assert row["sd_within"] == pytest.approx(0.1)
    assert row["p"] == pytest.approx(np.exp(-1))  # Q is 2 with two degrees of freedom.


def test_starts_that_differ_by_more_than_their_intervals_are_told() -> None:
    assert spread_over_starts(measured([3.0, 3.1, 5.0]), {}).p.iloc[0] < 1e-6


def test_the_share_that_was_kept_is_one_of_the_measures() -> None:
    sets = {}
    for name, kept in zip(NAMES, (20, 20, 5), strict=True):
        account = [{"outcome": "kept", "items": kept}, {"outcome": "duplicate", "items": 25 - kept}]
        sets[name.key] = ExampleSet(name, [{}], 0.01, "a teacher", account=account)
    table = spread_over_starts(measured([3.0, 3.0, 3.0]), sets).set_index("measure")
    assert table.loc["kept", ["lowest", "highest"]].tolist() == [0.2, 0.8]
    assert table.loc["kept", "p"] < 0.001 < table.loc["vendi", "p"]


def test_a_single_start_has_no_spread() -> None:
    table = measured([3.0, 3.0, 3.0])
    assert spread_over_starts(table[table.set.isin(["human", "random"])], {}).empty
