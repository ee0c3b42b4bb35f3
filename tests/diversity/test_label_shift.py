"""How often texts have what: labels by class against people's, with what chance explains; details of a procedure; vocabulary; and
the parts of a set that are labeled as people's examples are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_up import DISHES

from lib import plotting
from lib.core import tasks
from lib.core.tasks import load, read_card, text_of
from lib.diversity import label_shift
from lib.diversity.plots import plot_frequencies, plot_measures

FRAMES = read_card("frames")
HUMAN = load(FRAMES).to_list()
GARDEN = load(FRAMES, "garden").to_list()
PLAIN = [row | {"frames": []} for row in GARDEN]


def recipe(dishes: int, tools: int) -> dict[str, Any]:
    """A text with so many labels of each class."""
    labels = ["dish"] * dishes + ["tool"] * tools
    return {"text": "x" * 20, "spans": [{"start": at, "end": at + 1, "label": label} for at, label in enumerate(labels)]}


# ---- labels ----


def test_the_text_of_a_dialogue_is_what_is_said_in_it() -> None:
    row = HUMAN[0]
    assert text_of(FRAMES, row).split("\n") == [turn["text"] for turn in row["turns"]]
    assert row["topic"] not in text_of(FRAMES, row)


@pytest.mark.parametrize("task", ["news", "commonsense", "frames"])
def test_every_label_is_counted(task: str) -> None:
    card = read_card(task)
    rows = load(card, "test").to_list()
    table = label_shift.label_counts(card, {"a": rows, "half": rows[: len(rows) // 2]})
    labels = (
        sum(len(row["frames"]) + sum(len(one["arguments"]) for one in row["frames"]) for row in rows)
        if task == "frames"
        else len(rows)
    )
    assert (table["a"].sum(), (table["half"] <= table["a"]).all()) == (labels, True)


def test_sets_without_labels_are_told_from_those_with() -> None:
    assert list(tasks.labeled(FRAMES, {"garden": GARDEN, "plain": PLAIN})) == ["garden"]
    assert set(label_shift.label_frequencies(FRAMES, HUMAN[:9], {"garden": GARDEN, "plain": PLAIN}, seed=1).set) == {
        "human",
        "garden",
    }
    assert set(label_shift.label_frequencies(FRAMES, HUMAN[:9], {"plain": PLAIN}, seed=1).measure) == {"share"}


def test_shares_by_hand() -> None:
    table = label_shift.label_frequencies(DISHES, [recipe(3, 1)] * 5, {"a": [recipe(1, 1)] * 4}, seed=1)
    assert table[table.measure == "share"].set_index(["set", "class"])["value"].to_dict() == {
        ("human", "dish"): 0.75, ("human", "tool"): 0.25, ("a", "dish"): 0.5, ("a", "tool"): 0.5,
    }  # fmt: skip
    assert (table.low <= table.value).all()
    far = table[table.measure == "divergence"].iloc[0]
    entropy = lambda *shares: -sum(share * np.log2(share) for share in shares)  # noqa: E731
    assert far.value == pytest.approx(entropy(0.625, 0.375) - (entropy(0.75, 0.25) + entropy(0.5, 0.5)) / 2)
    assert (far.labels, far.texts) == (8, 4)


COUNTS = arrays(np.int64, st.tuples(st.integers(2, 6), st.just(3)), elements=st.integers(1, 9))


@settings(deadline=None, max_examples=25)
@given(COUNTS, COUNTS, st.integers(0, 9))
def test_divergence_lies_between_nothing_and_all(ours: np.ndarray, theirs: np.ndarray, seed: int) -> None:
    there, back = (float(label_shift._divergence(a.sum(axis=0), b.sum(axis=0))) for a, b in ((ours, theirs), (theirs, ours)))
    assert 0 <= there <= 1
    assert there == pytest.approx(back)
    far = label_shift._distance(ours, theirs, seed=seed)
    assert 0 <= far["low"] <= far["value"] <= far["high"] <= 1
    assert 0 <= far["chance"] <= 1
    assert label_shift._divergence(ours.sum(axis=0), 7 * ours.sum(axis=0)) == pytest.approx(0, abs=1e-12)
    assert label_shift._divergence(np.array([3, 0]), np.array([0, 5])) == pytest.approx(1)


def test_chance_explains_a_half_of_people_but_not_another_domain() -> None:
    table = label_shift.label_frequencies(FRAMES, HUMAN[::2], {"other half": HUMAN[1::2], "garden": GARDEN}, seed=1)
    far = table[table.measure == "divergence"].set_index(["set", "what"])
    assert far.value["other half", "frame type"] < far.chance["other half", "frame type"]
    assert far.value["garden", "frame type"] > far.chance["garden", "frame type"]
    assert label_shift.label_frequencies(FRAMES, HUMAN[::2], {"garden": GARDEN}, seed=1).equals(
        label_shift.label_frequencies(FRAMES, HUMAN[::2], {"garden": GARDEN}, seed=1)
    )


def test_chance_is_exceeded_about_as_often_as_it_says() -> None:
    luck, beyond = np.random.default_rng(1), 0
    for trial in range(60):
        ours, theirs = (luck.multinomial(5, [0.5, 0.3, 0.2], size=15) for _ in range(2))
        far = label_shift._distance(ours, theirs, seed=trial)
        beyond += far["value"] > far["chance"]
    assert beyond <= 8  # Three are expected of sixty; nine or more come once in five hundred times.


# ---- contents ----

DETAILS: dict[str, list[str]] = {
    "amounts": [
        "two cups",
        "A pinch of salt",
        "half a litre",
        "250 g",
        "1.5 kg",
        "three and a half ounces",
        "two heaped tablespoons",
    ],
    "times": ["for ten minutes", "half an hour", "overnight", "45 seconds", "a few days", "two more hours", "ten-minute"],
    "temperatures": ["ninety degrees", "180 °C", "200°", "on a low heat", "at two-twenty", "gas mark 6"],
    "tools": ["a knife", "two pans", "the wooden spoon", "secateurs", "a rolling board", "Knives"],
}
PLAINLY = ["two onions", "a good cook", "the pansy", "ten of them", "a whisked egg"]


@pytest.mark.parametrize(("detail", "text"), [(name, text) for name, texts in DETAILS.items() for text in texts])
def test_a_detail_is_found_once(detail: str, text: str) -> None:
    assert len(label_shift._DETAILS[detail].findall(f"You take {text}, then go on.")) == 1


@pytest.mark.parametrize("text", PLAINLY)
def test_what_is_no_detail_is_not_found(text: str) -> None:
    assert {name: pattern.findall(text) for name, pattern in label_shift._DETAILS.items()} == {
        name: [] for name in label_shift._DETAILS
    }


@pytest.mark.parametrize(("role", "detail", "least"), [("Amount", "amounts", 0.7), ("Instrument", "tools", 0.5)])
def test_patterns_find_most_of_what_is_labeled(role: str, detail: str, least: float) -> None:
    arguments = [(row, one) for row in HUMAN for frame in row["frames"] for one in frame["arguments"] if one["role"] == role]
    said = [row["turns"][one["turn"]]["text"][one["start"] : one["end"]] for row, one in arguments]
    assert sum(bool(label_shift._DETAILS[detail].search(text)) for text in said) / len(said) >= least


def test_contents_of_a_dialogue_by_hand() -> None:
    said = ["How long?", "Two hours, in a pan."]
    argument = {"role": "Time", "turn": 1, "start": 0, "end": 9}
    other = {"role": "Place", "turn": 1, "start": 11, "end": 19}
    frame = {"type": "Keep", "trigger": {"turn": 0, "start": 0, "end": 3}, "arguments": [argument, other]}
    row = {"topic": "x", "turns": [{"speaker": "a", "text": text} for text in said], "frames": [frame, frame]}
    assert label_shift._text_contents(FRAMES, row) == {
        "words": 7, "turns": 2, "words_a_turn": 3.5, "amounts": 0, "times": 1, "temperatures": 0, "tools": 1,
    }  # fmt: skip
    assert FRAMES.task_kind.contents(FRAMES, row) == {
        "entities": 2, "frames_a_text": 2, "role_Amount": 0, "role_Time": 2, "role_Instrument": 0,
    }  # fmt: skip
    japanese = FRAMES.model_copy(update={"language": "Japanese"})
    assert not set(label_shift._DETAILS) & set(label_shift._text_contents(japanese, row))


def test_a_set_without_labels_has_what_its_texts_say_alone() -> None:
    table = label_shift.contents(FRAMES, HUMAN, {"garden": GARDEN, "plain": PLAIN}, seed=1)
    assert ((table.low <= table.value) & (table.value <= table.high)).all()
    of = {name: dict(zip(part.measure, part.value, strict=True)) for name, part in table.groupby("set")}
    assert list(of["human"]) == list(of["garden"])
    assert of["plain"] == {name: value for name, value in of["garden"].items() if name in of["plain"]}
    assert "entities" not in of["plain"]
    assert set(label_shift.contents(DISHES, [recipe(1, 2)] * 3, {}, seed=1).measure) == {"words", "entities"}


# ---- figures ----


@pytest.mark.parametrize("sets", [{}, {"plain": PLAIN}, {"garden": GARDEN, "half": HUMAN[::2]}])
def test_figures_of_dialogues_show_every_set_that_has_something_to_show(sets: dict[str, Any]) -> None:
    plotting.use_style()
    often = label_shift.label_frequencies(FRAMES, HUMAN, sets, seed=1)
    figure = plot_frequencies(often)
    shown = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert shown == ["human", *tasks.labeled(FRAMES, sets), *["95% of shuffles"] * bool(tasks.labeled(FRAMES, sets))]
    assert [axis.get_title() for axis in figure.axes][:2] == ["frame types", "roles"]
    held = label_shift.contents(FRAMES, HUMAN, sets, seed=1)
    panels = [axis.get_xlabel() for axis in plot_measures(held).axes if axis.get_visible()]
    assert panels == [plotting.named(name) for name in dict.fromkeys(held.measure)]
    assert figure.axes[0].get_yticklabels()[0].get_text() == "Place"


def test_a_figure_of_spans_has_its_distances_beside() -> None:
    figure = plot_frequencies(label_shift.label_frequencies(DISHES, [recipe(3, 1)] * 5, {"a" * 30: [recipe(1, 1)] * 4}, seed=1))
    assert [axis.get_xlabel() for axis in figure.axes] == ["share of the labels of a set", "divergence from human"]


@pytest.mark.timeout(30)
def test_a_teacher_that_repeats_a_number_word_takes_no_time() -> None:
    assert not any(pattern.search("one and a half of two " * 5000) for pattern in label_shift._DETAILS.values())
