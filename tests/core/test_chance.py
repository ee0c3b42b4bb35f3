"""The scores of answers that do not depend on the text."""

import random

import pytest

from lib.core.kinds import kind_of
from lib.core.metrics import classification


def test_labels_by_hand() -> None:
    chance = kind_of("text").chance([{"label": label} for label in "aaabbc"])
    assert chance == pytest.approx({"accuracy": 1 / 2, "macro_f1": 1 / 3, "weighted_f1": 14 / 36})


def test_no_answer_that_does_not_depend_on_the_text_is_better() -> None:
    """Labels by any probabilities; on average over many draws, as a single one may be lucky."""
    gold = ["a"] * 300 + ["b"] * 150 + ["c"] * 50
    chance, luck = kind_of("text").chance([{"label": label} for label in gold]), random.Random(1)
    for weights in ([1, 0, 0], [6, 3, 1], [1, 1, 1], [0, 0, 1], [5, 4, 1]):
        draws = [classification(gold, luck.choices("abc", weights, k=len(gold))) for _ in range(30)]
        for measure, best in chance.items():
            assert sum(draw[measure] for draw in draws) / len(draws) <= best + 0.01


def test_choices_and_marks() -> None:
    rows = [{"choices": ["x", "y"], "label": "x"}, {"choices": ["x", "y", "z", "u"], "label": "z"}]
    assert kind_of("multiple_choice").chance(rows) == {"accuracy": (1 / 2 + 1 / 4) / 2}
    assert kind_of("spans").chance([{"text": "a", "spans": []}]) == {}
