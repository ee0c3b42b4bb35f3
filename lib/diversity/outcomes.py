"""What became of every item that was paid for."""

from collections.abc import Mapping

import pandas as pd
from pandas import DataFrame

from lib.core.artifacts import ExampleSet

LISTS = "topics or attributes"
"""The outcome of replies that list what examples are to be about."""


def outcomes(sets: Mapping[str, ExampleSet]) -> DataFrame:
    """What became of every item that was paid for, set by set: its share of the items, its dollars, and what one kept example
    cost; sets that do not say are left out."""

    rows = [
        {"set": name, "outcome": str(one["outcome"]).split(":")[0], "items": one["items"], "dollars": one["dollars"]}
        for name, found in sets.items()
        for one in found.account
    ]
    table = pd.DataFrame(rows, columns=["set", "outcome", "items", "dollars"])
    table = table.groupby(["set", "outcome"], sort=False, as_index=False).sum()
    asked = table.assign(items=table["items"].where(table.outcome != LISTS, 0))  # A list of topics is no example.
    per_kept = {name: found.price for name, found in sets.items()}
    share = asked["items"] / asked.groupby("set")["items"].transform("sum")
    return table.assign(share=share, dollars_a_kept_one=table["set"].map(per_kept))
