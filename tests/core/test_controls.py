"""Parts of a set in which words tell less: what is left out, and that words are tested again."""

import random
from typing import Any

import pytest
from asking import CARD

from lib.core.controls import CONTROLS, dropped, resampled, too_few
from lib.core.text import associations, suspects, telling


def rows_with(hint: dict[str, str], n: int, seed: int = 1) -> list[dict[str, Any]]:
    """Texts of four random words; nine of ten with a label's hint begin with it."""
    rng, rows = random.Random(seed), []
    for number in range(n):
        label = list(CARD.labels)[number % len(CARD.labels)]
        tells = label in hint and rng.random() < 0.5
        other = rng.random() < 0.05
        text = " ".join(rng.choice(["rain", "road", "tea", "cat", "lamp", "door"]) for _ in range(4))
        rows.append({"id": str(number), "text": f"{next(iter(hint.values())) if tells or other else ''} {text}", "label": label})
    return rows


def telling_words(rows: list[dict[str, Any]]) -> list[str]:
    return list(telling(associations([row["text"] for row in rows], [row["label"] for row in rows])).word)


ROWS = rows_with({next(iter(CARD.labels)): "hooray"}, 200)


def test_the_word_tells_before() -> None:
    assert telling_words(ROWS) == ["hooray"]


def test_dropped_keeps_no_example_with_a_word_that_tells_its_label() -> None:
    left = dropped(CARD, ROWS)
    assert len(left) == len(ROWS) - len(suspects(CARD, ROWS))
    assert all("hooray" not in row["text"] for row in left if row["label"] == next(iter(CARD.labels)))


def test_resampled_leaves_out_no_more_than_so_many_that_no_word_tells() -> None:
    left = resampled(CARD, ROWS)
    assert telling_words(left) == []
    assert len(dropped(CARD, ROWS)) <= len(left) < len(ROWS)
    assert any("hooray" in row["text"] for row in left)
    assert left == resampled(CARD, ROWS) != resampled(CARD, ROWS, 2)
    assert [row for row in ROWS if row in left] == left


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_a_set_in_which_no_word_tells_stays_whole(control: Any) -> None:
    rows = [row | {"text": row["text"].replace("hooray", "tea")} for row in ROWS[:40]]
    assert telling_words(rows) == []
    assert control(CARD, rows, 1) == rows


def test_too_few_of_a_label_are_said() -> None:
    assert too_few(CARD, ROWS) == ""
    assert "fewer than 3 examples of" in too_few(CARD, ROWS[:2])
