"""The outcomes of items that were paid for."""

from collections.abc import Mapping

import pandas as pd
from pandas import DataFrame

from lib.core import set_names
from lib.core.artifacts import TOPIC_LISTS, ExampleSet


def outcome_shares(sets: Mapping[str, ExampleSet]) -> DataFrame:
    """One row for each set and outcome of its items: the share of items, their dollars, and the price of one kept example; all
    repeats of a set together. A set without an account is left out."""
    rows, per_kept = [], dict[str, list[float]]()
    for key, example_set in sets.items():
        name = set_names.find(key).first_repeat.key
        per_kept.setdefault(name, []).append(example_set.price)
        for entry in example_set.account:
            rows.append((name, str(entry["outcome"]).split(":")[0], entry["items"], entry["dollars"]))
    table = pd.DataFrame(rows, columns=["set", "outcome", "items", "dollars"])
    table = table.groupby(["set", "outcome"], sort=False, as_index=False).sum()
    items = table["items"].where(table.outcome != TOPIC_LISTS, 0)
    share = items / items.groupby(table["set"]).transform("sum")
    prices = {name: sum(of_repeats) / len(of_repeats) for name, of_repeats in per_kept.items()}
    return table.assign(share=share, dollars_a_kept_one=table["set"].map(prices))
