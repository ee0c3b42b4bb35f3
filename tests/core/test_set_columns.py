"""Names of example sets travel through tables as columns."""

import pytest

from lib.core import set_names
from lib.core.set_names import SetName


@pytest.mark.parametrize(
    "name",
    [
        SetName("tree", start=2, derived=("checked",)),
        SetName("", labels_by="zero_shot"),
        SetName("own", derived=("rephrased", "corrected")),
    ],
    ids=["start", "labels", "derived"],
)
def test_a_name_comes_back_from_its_columns(name: SetName) -> None:
    assert set_names.from_columns(set_names.as_columns(name)) == name
    assert set_names.find(name.key) == name


def test_people_alone_have_no_name() -> None:
    assert set_names.from_columns(set_names.as_columns(None)) is None
    assert set_names.from_columns(dict.fromkeys(set_names.COLUMNS, float("nan"))) is None
    assert set_names.from_columns({"method": "human only"}) is None
