"""Names of example sets travel through tables as columns."""

import json

import pytest

from lib.core import set_names
from lib.core.set_names import SetName


@pytest.mark.parametrize(
    "name",
    [
        SetName("tree", start=2, derived=("checked",)),
        SetName("", labels_by="zero_shot"),
        SetName("own", derived=("rephrased", "corrected")),
        SetName("own", levels=(("teacher", "a/b, c+d"), ("temperature", "1.3"))),
        SetName("tree", start=2, repeat=3, derived=("checked",)),
    ],
    ids=["start", "labels", "derived", "levels", "repeat"],
)
def test_a_name_comes_back_from_its_columns_and_its_fields(name: SetName) -> None:
    assert set_names.from_columns(set_names.as_columns(name)) == name
    assert set_names.from_fields(json.loads(json.dumps(name.fields()))) == name
    assert set_names.find(name.key) == name


def test_keys_hold_what_sets_a_set_apart() -> None:
    assert SetName("own", levels=(("teacher", "gpt-4o Mini"), ("temperature", "1.3"))).key == "own_gpt_4o_mini_temperature_1_3"
    assert SetName("tree", start=2, repeat=3, derived=("checked",)).key == "tree_start_2_repeat_3_checked"
    assert SetName("own", repeat=3).first_repeat == SetName("own")


def test_older_files_and_tables_have_neither_levels_nor_repeats() -> None:
    fields = {"method": "tree", "start": 2, "labels_by": "", "derived": ["checked"]}
    columns = {"set_method": "tree", "set_start": 2.0, "set_labels_by": float("nan"), "set_derived": "checked"}
    assert set_names.from_fields(fields) == set_names.from_columns(columns) == SetName("tree", 2, derived=("checked",))


def test_people_alone_have_no_name() -> None:
    assert set_names.from_columns(set_names.as_columns(None)) is None
    assert set_names.from_columns(dict.fromkeys(set_names.COLUMNS, float("nan"))) is None
    assert set_names.from_columns({"method": "human only"}) is None
