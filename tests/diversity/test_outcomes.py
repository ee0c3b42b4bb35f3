"""Every item that was paid for is counted."""

import pytest

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.diversity.outcomes import outcome_shares


def test_every_item_is_counted_by_what_became_of_it() -> None:
    account = [
        {"outcome": "kept", "items": 6, "dollars": 0.6},
        {"outcome": "invalid: no text", "items": 1, "dollars": 0.1},
        {"outcome": "invalid: label outside the task", "items": 1, "dollars": 0.1},
        {"outcome": "topics or attributes", "items": 2, "dollars": 0.4},
    ]
    sets = {
        "m": ExampleSet(SetName("m"), [{}] * 6, 0.2, "t", 0, account),
        "from elsewhere": ExampleSet(SetName("from elsewhere"), [{}], 0.1, "t"),
    }
    table = outcome_shares(sets).set_index("outcome")
    assert set(table["set"]) == {"m"}
    assert table["items"].to_dict() == {"kept": 6, "invalid": 2, "topics or attributes": 2}
    assert table.share.to_dict() == {"kept": 0.75, "invalid": 0.25, "topics or attributes": 0}
    assert table.dollars["invalid"] == pytest.approx(0.2)
    assert set(table.dollars_a_kept_one) == {0.2}
    assert outcome_shares({}).empty


def test_repeats_of_a_set_are_counted_together() -> None:
    account = [{"outcome": "kept", "items": 3, "dollars": 0.3}, {"outcome": "duplicate", "items": 1, "dollars": 0.1}]
    names = [SetName("m"), SetName("m", repeat=2)]
    sets = {name.key: ExampleSet(name, [{}] * 3, price, "t", 0, account) for name, price in zip(names, (0.1, 0.2), strict=True)}
    table = outcome_shares(sets).set_index("outcome")
    assert set(table["set"]) == {"m"}
    assert table["items"].to_dict() == {"kept": 6, "duplicate": 2}
    assert table.share.to_dict() == {"kept": 0.75, "duplicate": 0.25}
    assert table.dollars_a_kept_one.tolist() == pytest.approx([0.15, 0.15])
