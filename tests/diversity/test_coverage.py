"""Topics and neighbourhoods of people that a set has: by plain counting, and on sets whose answer is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from asking import CARD

from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.diversity import coverage
from lib.diversity.measures import HUMAN, equal_sets
from lib.diversity.texts import TaskTexts

RNG = np.random.default_rng(1)


def unit(points: Any) -> np.ndarray:
    points = np.asarray(points, dtype=float)
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def around(*centres: int, n: int, spread: float = 0.3) -> np.ndarray:
    """n points around each of some axes of six dimensions."""
    return unit(np.concatenate([np.eye(6)[centre] + spread * RNG.normal(size=(n, 6)) for centre in centres]))


def plain(human: np.ndarray, written: np.ndarray) -> dict[str, float]:
    """The four measures of Naeem et al. by their formulas, with distances instead of cosines."""

    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2))

    of_human = np.sort(distances(human, human), axis=1)[:, 5]
    of_written = np.sort(distances(written, written), axis=1)[:, 5]
    between = distances(human, written)
    inside = between <= of_human[:, None]
    return {
        "precision": inside.any(axis=0).mean(),
        "density": inside.sum() / (5 * len(written)),
        "coverage": inside.any(axis=1).mean(),
        "recall": (between <= of_written).any(axis=1).mean(),
    }


@pytest.mark.parametrize("of_reply", [1, 3, 8])
def test_measures_by_their_formulas_whole_and_with_each_group_left_out(of_reply: int) -> None:
    human, written = around(0, 1, 2, n=25), around(0, 1, 3, n=16)
    group = np.arange(len(written)) // of_reply
    found = coverage.laid_over(coverage.HumanMap(human, seed=1), written, group)
    assert list(found) == coverage.COVERAGE_MEASURES
    for name, value in plain(human, written).items():
        assert found[name][0] == pytest.approx(value, abs=1e-6), name
    for left_out in range(group.max() + 1):
        for name, value in plain(human, written[group != left_out]).items():
            assert found[name][1][left_out] == pytest.approx(value, abs=1e-6), name


def test_topics_are_those_that_a_text_is_nearest_to() -> None:
    human = coverage.HumanMap(around(0, 1, 2, 3, 4, n=30, spread=0.05), seed=1)
    value, without = coverage.laid_over(human, around(0, 1, n=10, spread=0.05), np.repeat([0, 1], 10))["topics_hit"]
    assert value == pytest.approx(2 / 5, abs=0.21)  # k-means may cut one of the axes in two.
    assert set(without) == {value / 2} or without.max() < value


@dataclass
class Planted:
    """An encoder that knows where each text lies."""

    places: dict[str, np.ndarray]
    encoder: str = "planted"

    def __call__(self, texts: list[str]) -> np.ndarray:
        return np.stack([self.places[text] for text in texts])


def texts_of(sets: dict[str, np.ndarray], human: np.ndarray) -> TaskTexts:
    """Sets and people's texts with these vectors."""
    places, rows = dict[str, np.ndarray](), dict[str, list[dict[str, Any]]]()
    for name, vectors in {**sets, HUMAN: human}.items():
        rows[name] = [{"id": f"{name} {i}", "text": f"{name} {i}", "label": "kind"} for i in range(len(vectors))]
        places |= {f"{name} {i}": vector for i, vector in enumerate(vectors)}
    people = rows.pop(HUMAN)
    written = {name: ExampleSet(SetName(name), each, 0.01, "a teacher") for name, each in rows.items()}
    equal, others = equal_sets(rows, people, seed=1)
    return TaskTexts(CARD, people, written, written, equal, others, Planted(places), 1, "")  # type: ignore[arg-type]


def test_a_set_of_two_topics_of_five_covers_less_than_as_many_people_at_each_size() -> None:
    human, narrow, broad = (around(*topics, n=n) for topics, n in [(range(5), 120), ((0, 1), 120), (range(5), 50)])
    table = coverage.coverage(texts_of({"narrow": narrow, "broad": broad}, human))
    assert {name: set(part.n) for name, part in table.groupby("set")} == {
        HUMAN: {100, 240},
        "narrow": {100, 240},
        "broad": {100, 240, 250},
    }
    for size in (100, 240):
        at = table[table.n == size].set_index(["set", "measure"])
        for measure in ("topics_hit", "coverage", "recall"):
            assert at.loc[("narrow", measure), "high"] < at.loc[(HUMAN, measure), "low"], measure
            assert at.loc[("broad", measure), "high"] >= at.loc[(HUMAN, measure), "low"], measure
    assert table[["low", "high"]].notna().all().all()


def test_each_size_of_a_set_is_a_part_of_the_next() -> None:
    texts = texts_of({"one": around(0, n=120), "other": around(1, n=30)}, around(0, n=300))
    parts = list(coverage._growing_parts(texts, "one"))
    assert [len(part) for part in parts] == [30, 100]
    assert {row["id"] for row in parts[0]} == {row["id"] for row in texts.equal["one"]}
    assert parts[1][:30] == parts[0]
    others = {row["id"] for row in texts.other_human}
    assert not any(row["id"] in others for row in texts.in_random_order(HUMAN))


def test_few_texts_are_not_laid_over() -> None:
    assert coverage.coverage(texts_of({"one": around(0, n=19)}, around(0, n=300))).empty


def test_topics_that_sets_lack_come_first() -> None:
    texts = texts_of({"narrow": around(0, 1, n=60)}, around(*range(5), n=60, spread=0.05))
    table = coverage.topics_missed(texts)
    assert (table["narrow"] == 0).sum() >= 2
    assert table["other human texts"].iloc[0] > 0
