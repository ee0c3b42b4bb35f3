"""Parts of sets whose words tell less, as 04 adds them."""

import pytest
from asking import CARD
from refusing import refused

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.training.controlled import with_controlled

LABELS = list(CARD.labels)
ROWS = [
    {"id": str(i), "text": f"{'hooray ' if i % 2 == 0 and i < 40 else ''}text {i}", "label": LABELS[i % 2]} for i in range(100)
]
SET = ExampleSet(SetName("zero_shot"), ROWS, 0.02, "a teacher")


def test_parts_are_sets_of_their_own_that_bear_the_cost_of_the_whole() -> None:
    sets = with_controlled(CARD, {"zero_shot": SET}, names=["zero_shot"], seed=1)
    assert list(sets) == ["zero_shot", "zero_shot_dropped", "zero_shot_resampled"]
    for name in ("dropped", "resampled"):
        part = sets[f"zero_shot_{name}"]
        assert part.name.derived == (name,)
        assert len(part.rows) < 100
        assert part.dollars == pytest.approx(2)


def test_nothing_is_added_where_no_word_tells(capsys: pytest.CaptureFixture[str]) -> None:
    plain = SET._replace(rows=[row | {"text": f"text {row['id']}"} for row in ROWS])
    assert list(with_controlled(CARD, {"zero_shot": plain}, names=["zero_shot"], seed=1)) == ["zero_shot"]
    assert "No zero_shot_dropped: no word tells a label." in capsys.readouterr().out


def test_an_unknown_set_is_refused() -> None:
    refused(lambda: with_controlled(CARD, {"zero_shot": SET}, names=["one_shot"], seed=1), "no set 'one_shot'")
