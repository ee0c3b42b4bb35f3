"""Rounds of rewording as 03 shows them, and the arms of a set beside each other."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from asking import CARD

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.diversity.figures import controls_figure, rewording_figure
from lib.diversity.measures import HUMAN, equal_sets
from lib.diversity.rewording import reworded_rounds
from lib.diversity.texts import TaskTexts

N = 80
REWORDED = SetName("zero_shot", derived=("rephrased",))


class Hints:
    """An encoder that texts with and without a hint lie apart in."""

    encoder = "hints"

    def __call__(self, texts: list[str]) -> np.ndarray:
        told = np.array([[text.startswith(("thanks", "cheers")), 0.2] for text in texts], dtype=float)
        return np.asarray(told + np.random.default_rng(1).normal(0, 0.01, told.shape))


def rows_of(*hints: str) -> list[dict[str, Any]]:
    """A text for each number, every other one kind; each hint is the beginning of the kind ones after a round."""
    rows: list[dict[str, Any]] = []
    for number in range(N):
        kind = number % 2 == 0
        wordings = [f"{hint if kind else ''} text {number}".strip() for hint in hints]
        row = {"id": str(number), "text": wordings[-1], "label": "kind" if kind else "rude", "dollars": 0.01 * (len(hints) - 1)}
        rows.append(row | {"wordings": wordings, "round_dollars": [0.01] * (len(hints) - 1)})
    return rows


def texts_of(*hints: str) -> TaskTexts:
    """A set that was bought at a cent an example, and the same set after its rounds."""
    people = [{"id": f"h{number}", "text": f"said {number}", "label": ["kind", "rude"][number % 2]} for number in range(300)]
    reworded = rows_of(*hints)
    bought = [row | {"text": row["wordings"][0]} for row in reworded]
    price = 0.01 * len(hints)
    written = {
        "zero_shot": ExampleSet(SetName("zero_shot"), bought, 0.01, "m"),
        REWORDED.key: ExampleSet(REWORDED, reworded, price, "m"),
    }
    equal, others = equal_sets({name: one.rows for name, one in written.items()}, people, seed=1)
    return TaskTexts(CARD, people, written, written, equal, others, Hints(), 1, "")  # type: ignore[arg-type]


def test_each_round_says_what_is_left_and_what_it_cost() -> None:
    table = reworded_rounds(texts_of("thanks", "cheers", ""))
    at = table[table.set == REWORDED.key].set_index(["measure", "round"])["value"]
    assert at["suspect"].tolist() == [0.5, 0.5, 0]
    assert at["telling_words"].tolist() == [1, 1, 0]
    assert at["new_telling_words"].tolist() == [0, 1, 0]
    assert at["dollars"].tolist() == pytest.approx([0.01, 0.02, 0.03])
    assert at["guessed", 0] == at["guessed", 1] == 1 > at["guessed", 2]
    assert set(table[table.set == HUMAN].measure) == {"suspect", "telling_words", "new_telling_words", "guessed"}


def test_the_figure_says_whether_rewording_gets_the_set_clean() -> None:
    drawing = rewording_figure(texts_of("thanks", "cheers", ""))
    assert drawing.figure is not None
    assert "50% of the examples give their label away at first, 0% after 2 rounds [0%, 5%]" in drawing.caption
    assert [axis.get_title().replace("\n", " ") for axis in drawing.figure.axes][-1] == "dollars an example"
    left = rewording_figure(texts_of("thanks", "cheers"))
    assert "words that tell a label then: 1, that did not before: 1." in left.caption


def test_without_a_reworded_set_a_sentence_says_so() -> None:
    texts = texts_of("thanks", "")
    alone = replace(texts, written={"zero_shot": texts.written["zero_shot"]})
    assert rewording_figure(alone).caption == "tone: no figure 'rewording': no set was reworded (`rephrase` of 01)."


def test_the_reworded_set_stands_among_the_arms_of_the_set_that_it_was() -> None:
    drawing = controls_figure(texts_of("thanks", ""))
    assert drawing.table is not None
    assert list(dict.fromkeys(drawing.table.arm)) == ["as bought", "dropped", "resampled", "random", "rephrased"]
    assert drawing.figure is not None
    names = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert names == ["rephrased", "random", "resampled", "dropped", "zero-shot"]


def test_few_suspect_examples_make_a_sentence_and_no_figure() -> None:
    texts = texts_of("thanks", "")
    few = [row | {"text": f"text {number}"} if number > 13 else row for number, row in enumerate(texts.written["zero_shot"].rows)]
    some = replace(texts, written={"zero_shot": texts.written["zero_shot"]._replace(rows=few)})
    drawing = controls_figure(some)
    assert drawing.figure is None
    assert "too few examples hold a word that tells their label" in drawing.caption
    assert "at most 7 of 80 in a set" in drawing.caption
