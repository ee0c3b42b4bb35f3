"""What gives a label away: words by hand and by chance, matching words, and parts of the input that tell the label."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from asking import CARD
from hypothesis import given
from hypothesis import strategies as st
from made_up import MADE_UP
from scipy.stats import binom, binomtest

from lib.core.tasks import Card, read_card
from lib.core.text import _LEAST, FALSE_DISCOVERIES, _content, associations, is_trivial, suspects
from lib.core.text import telling as text_telling
from lib.diversity import shortcuts

PASSAGE = Card(
    **MADE_UP,
    kind="passage_yesno",
    fields={"passage": "what is read", "question": "what is asked"},
    labels={"yes": "so it is", "no": "so it is not"},
)
THREE = Card(
    **MADE_UP,
    kind="pair",
    fields={"first": "one", "second": "two", "third": "three"},
    labels={"kind": "means well", "rude": "does not"},
)


def remarks(texts: Sequence[str], labels: Sequence[str]) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]


def asked(passage: str, question: str, label: str = "yes") -> dict[str, Any]:
    return {"passage": passage, "question": question, "label": label}


# ---- words ----


def test_associations_by_hand() -> None:
    """`good` is in four texts, all of them kind, of ten of which four are; `bad` in three, all of them rude."""
    texts = ["good one", "good two", "Good, good!", "good bad", "bad x", "bad y", "rare z", "rare u", "v", "w"]
    labels = ["kind"] * 3 + ["kind"] + ["rude"] * 6
    found = associations(texts, labels)
    assert list(found) == ["word", "label", "n", "share", "expected", "z", "p", "q"]
    good, bad = found.to_dict("records")
    p = {"good": 2 * binom.sf(3, 4, 0.4), "bad": 2 * binom.sf(1, 3, 0.6)}
    assert p["good"] == pytest.approx(2 * 0.4**4)
    assert good == {
        "word": "good",
        "label": "kind",
        "n": 4,
        "share": 1.0,
        "expected": 0.4,
        "z": pytest.approx((1 - 0.4) / (0.4 * 0.6 / 4) ** 0.5),
        "p": pytest.approx(p["good"]),
        "q": pytest.approx(2 * p["good"]),  # Of two words that are tested it has the smaller p.
    }
    assert (bad["word"], bad["label"], bad["n"], bad["share"]) == ("bad", "rude", 3, pytest.approx(2 / 3))
    assert bad["z"] == pytest.approx((2 / 3 - 0.6) / (0.6 * 0.4 / 3) ** 0.5)
    assert (bad["p"], bad["q"]) == (pytest.approx(min(1, p["bad"])), pytest.approx(min(1, p["bad"])))


def test_the_label_that_goes_furthest_beyond_its_share_is_named() -> None:
    """`the` stands with the frequent label more often, and with the rare one more often than its share."""
    texts = ["the a", "the b", "the c", "the d", *"efghij"]
    labels = ["rare", "rare", "often", "often", *["often"] * 6]
    [the] = associations(texts, labels).to_dict("records")
    assert (the["word"], the["label"], the["share"], the["expected"]) == ("the", "rare", 0.5, 0.2)


@given(
    rows=st.lists(st.tuples(st.lists(st.sampled_from("abcde"), max_size=6), st.sampled_from(["x", "y", "z"])), max_size=25),
)
def test_each_word_by_a_plain_count(rows: list[tuple[list[str], str]]) -> None:
    texts, labels = [" ".join(text) for text, _ in rows], [label for _, label in rows]
    found = associations(texts, labels)
    if len(set(labels)) < 2:
        assert found.empty
    else:
        counts = {word: [label for text, label in rows if word in text] for word in "abcde"}
        often = {word: len(those) for word, those in counts.items() if len(those) >= _LEAST}
        assert {row.word: row.n for row in found.itertuples()} == often
    for row in found.itertuples():
        hits, share = counts[row.word].count(row.label), labels.count(row.label) / len(labels)
        assert (row.share, row.expected) == (pytest.approx(hits / row.n), pytest.approx(share))
        assert row.z == pytest.approx((hits / row.n - share) / (share * (1 - share) / row.n) ** 0.5)
        assert row.p == pytest.approx(min(1, len(set(labels)) * binomtest(hits, row.n, share, "greater").pvalue))
        assert row.p - 1e-12 <= row.q <= 1
    assert found.q.is_monotonic_increasing


def made_up_texts(luck: random.Random, n: int) -> list[str]:
    """Frequent words and rare ones, as in any language."""
    vocabulary = [f"w{i}" for i in range(60)]
    weights = [1 / (1 + i) for i in range(60)]
    return [" ".join(luck.choices(vocabulary, weights, k=12)) for _ in range(n)]


@pytest.mark.parametrize("names", [["x", "y"], ["x", "y", "z", "u", "v"], ["x"] * 6 + ["y"]])
def test_where_labels_are_drawn_by_chance_no_word_tells_them(names: list[str]) -> None:
    """The share of sets with any telling word at all is what the false discovery rate allows, or less."""
    luck, sets, telling, tested = random.Random(1), 120, 0, 0
    some = 0
    for _ in range(sets):
        texts = made_up_texts(luck, 80)
        found = associations(texts, luck.choices(names, k=80))
        telling, tested, some = telling + len(text_telling(found)), tested + len(found), some + bool(len(text_telling(found)))
    assert tested > sets * 30
    assert some / sets <= FALSE_DISCOVERIES + 0.03
    assert telling / tested < 0.003


@pytest.mark.parametrize("planted", ["planted", "w20"])
def test_a_planted_word_is_found(planted: str) -> None:
    """One that no other text has, or one that some have, too."""
    luck = random.Random(1)
    labels = ["x", "y"] * 50
    texts = made_up_texts(luck, 100)
    texts = [
        f"{text} {planted}" if label == "x" and luck.random() < 0.9 else text for text, label in zip(texts, labels, strict=True)
    ]
    found = text_telling(associations(texts, labels))
    assert found[["word", "label"]].to_numpy().tolist() == [[planted, "x"]]
    assert (found.q < FALSE_DISCOVERIES).all()


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["good one", "good two", "good three"], ["x"] * 3),
        (["!!", "", "...", "?"], ["x", "y"] * 2),
        (["a", "b"], ["x", "y"]),
        ([], []),
    ],
    ids=["one label", "no words", "no word often enough", "no texts"],
)
def test_nothing_to_test_is_an_empty_table(texts: list[str], labels: list[str]) -> None:
    found = associations(texts, labels)
    assert len(found) == len(text_telling(found)) == 0
    assert list(found) == ["word", "label", "n", "share", "expected", "z", "p", "q"]
    assert suspects(CARD, remarks(texts, labels)) == {}


def test_words_of_every_set() -> None:
    told = [asked("the same", "who won" if i % 2 else "what is", "yes" if i % 2 else "no") for i in range(20)]
    silent = [asked("!", "?", "yes"), asked("!", "?", "no")]
    found = shortcuts.word_associations(PASSAGE, {"told": told, "silent": silent})
    assert set(found.set) == {"told"}
    assert set(found.word) == {"the", "same", "who", "won", "what", "is"}
    assert set(text_telling(found).word) == {"who", "won", "what", "is"}
    nothing = shortcuts.word_associations(PASSAGE, {"silent": silent})
    assert nothing.empty
    assert list(nothing) == list(found)


# ---- matching words ----

PIANO = "The piano was built in Vienna. It survived two wars! Its owner sold it to a museum."


@pytest.mark.parametrize(
    ("passage", "question", "trivial"),
    [
        (PIANO, "was the piano built in vienna", True),
        (PIANO, "Was the piano built in Vienna, and was it?", True),
        (PIANO, "the piano survived two wars", False),  # Its words are spread over two sentences.
        (PIANO, "was the piano sold to a museum", False),
        (PIANO, "can its owner sell it", False),  # `sold` is another word.
        (PIANO, "survived two wars", True),
        # Four of five are enough, three of four are not.
        ("Alpha beta gamma delta.", "alpha beta gamma delta omega", True),
        ("Alpha beta gamma.", "alpha beta gamma omega", False),
        # A word counts by its first letters.
        ("The museums were enlarged.", "enlarging the museum", True),
        # Nothing that carries content.
        (PIANO, "was it the", False),
        (PIANO, "?", False),
        ("", "was the piano built in vienna", False),
        # Sentences end without a space after them in other scripts.
        ("春の雨。秋の風。", "秋の風", True),
        ("春の雨。秋の風。", "春の雨 秋の風", False),
    ],
)
def test_trivial_by_hand(passage: str, question: str, trivial: bool) -> None:
    assert is_trivial(PASSAGE, asked(passage, question)) == trivial


def test_a_plural_is_its_singular() -> None:
    """As `content` says."""
    assert _content("bees") == _content("bee")
    assert is_trivial(PASSAGE, asked("Bees dance.", "can a bee dance"))


@pytest.mark.parametrize("question", ["did the piano survive wars", "does the piano survive wars", "was the piano in wars"])
def test_an_auxiliary_verb_is_no_content(question: str) -> None:
    """Most questions begin with one."""
    assert is_trivial(PASSAGE, asked("The piano survived two wars.", question))


@pytest.mark.parametrize("sentence", ["Sales in Texas rose by 3.5 percent.", "The shop at example.org sells seeds."])
def test_a_point_inside_a_number_or_a_name_ends_no_sentence(sentence: str) -> None:
    assert is_trivial(PASSAGE, asked(sentence, sentence))


def test_one_field_alone_is_never_trivial() -> None:
    assert not is_trivial(CARD, {"text": "was the piano built in vienna", "label": "kind"})


def test_of_three_fields_the_first_and_the_last_are_compared() -> None:
    row = {"first": "Alpha beta gamma.", "second": "omega", "third": "alpha beta", "label": "kind"}
    assert is_trivial(THREE, row)
    assert not is_trivial(THREE, row | {"first": "omega", "second": "Alpha beta gamma."})


def test_share_of_trivial_examples_with_its_interval() -> None:
    rows = [asked(PIANO, "was the piano built in vienna")] * 3 + [asked(PIANO, "who painted the ceiling")] * 7
    [some, none] = shortcuts._trivial_share(PASSAGE, {"some": rows, "none": rows[3:]}).to_dict("records")
    wilson = binomtest(3, 10).proportion_ci(method="wilson")
    assert list(some) == shortcuts._GUESSES
    assert (some["set"], some["given"], some["accuracy"], some["n"]) == ("some", "matching words", 0.3, 10)
    assert (some["low"], some["high"]) == (pytest.approx(wilson.low), pytest.approx(wilson.high))
    assert (none["accuracy"], none["low"], none["n"]) == (0, 0, 7)
    assert 0 < none["high"] < 0.5
    assert shortcuts._trivial_share(read_card("news"), {"some": rows}).empty  # Of one field nothing can be matched.


# ---- what should be reworded ----


def test_suspects_are_places_with_the_words_that_tell() -> None:
    """The words of the last field only: that is what is written anew. A word of the other label is no hint."""
    rows = [asked("Never said.", "surely it is so", "yes") for _ in range(15)]
    rows += [asked("Surely not.", "never in life", "no") for _ in range(15)]
    rows += [asked("Said.", "surely", "no"), asked("Said.", "quite", "no"), asked(PIANO, "piano built in vienna", "no")]
    found = suspects(PASSAGE, rows)
    assert list(found) == [*range(30), 32]
    assert {tuple(sorted(found[place])) for place in range(15)} == {("is", "it", "so", "surely")}
    assert {tuple(sorted(found[place])) for place in range(15, 30)} == {("in", "life", "never")}
    assert found[32] == ["in"]


def test_without_telling_words_only_trivial_examples_are_suspect() -> None:
    rows = [asked(PIANO, "was the piano built in vienna", "yes"), asked(PIANO, "who painted the ceiling", "no")] * 2
    assert suspects(PASSAGE, rows) == {0: [], 2: []}


# ---- parts of the input ----


def by_words(*known: str) -> Callable[[list[str]], np.ndarray]:
    """An embedding to be computed by hand: one dimension a word."""
    return lambda texts: np.array([[float(word in text.split()) for word in known] for text in texts])


def told_by_question(n: int = 40) -> list[dict[str, Any]]:
    """The question says the label, the passage is drawn by chance."""
    luck = random.Random(1)
    labels = ["yes", "no"] * (n // 2)
    return [asked(luck.choice(["red", "blue"]), f"is it {label}", label) for label in labels]


def test_a_label_that_one_field_tells() -> None:
    rows = told_by_question()
    found = shortcuts._guessing(PASSAGE, {"written": rows}, embed=by_words("red", "blue", "yes", "no"), seed=1)
    assert list(found) == shortcuts._GUESSES
    assert found.given.tolist() == ["passage", "question", "all fields"]
    passage, question, both = found.accuracy
    assert (question, both) == (1, 1)
    assert 0.2 < passage < 0.75
    assert set(found.chance) == {0.5}
    assert found.p.tolist() == [pytest.approx(passage_p := found.p[0]), 1 / 200, 1 / 200]
    assert passage_p > 0.05
    assert (found.null_high < 0.9).all()
    assert set(found.n) == {40}
    wilson = binomtest(40, 40).proportion_ci(method="wilson")
    assert (found.low[1], found.high[1]) == (pytest.approx(wilson.low), pytest.approx(wilson.high))
    assert found.equals(shortcuts._guessing(PASSAGE, {"written": rows}, embed=by_words("red", "blue", "yes", "no"), seed=1))


def test_no_example_is_guessed_by_a_student_that_has_seen_it() -> None:
    """One dimension an example: all that a regression could do is learn each by heart."""
    rows = [asked(str(i), "so", "yes" if i % 2 else "no") for i in range(30)]
    found = shortcuts._guessing(PASSAGE, {"a": rows}, embed=by_words(*map(str, range(30))), seed=1)
    assert (found.accuracy <= 0.6).all()


def test_examples_of_one_topic_are_never_in_two_folds() -> None:
    """Each topic has a word of its own, and one label: what was learned of a topic says nothing of the others."""
    rows = [{"text": str(i // 4), "label": "kind" if i // 4 % 2 else "rude", "topic": str(i // 4)} for i in range(80)]
    [found] = shortcuts._guessing(CARD, {"a": rows}, embed=by_words(*map(str, range(20))), seed=1).to_dict("records")
    assert found["accuracy"] <= 0.6
    assert found["high"] - found["low"] > 0.35  # Twenty topics, not eighty examples.
    single = [row | {"topic": None} for row in rows]
    [found] = shortcuts._guessing(CARD, {"a": single}, embed=by_words(*map(str, range(20))), seed=1).to_dict("records")
    assert found["accuracy"] > 0.9


def test_shuffles_are_above_what_chance_gives_as_often_as_they_say() -> None:
    """Texts of a group are alike and have one label, drawn by chance."""
    luck, above = np.random.default_rng(1), 0
    for _ in range(60):
        labels = luck.permutation(["kind", "rude"] * 6)
        groups = np.repeat(np.arange(12), 4)
        vectors = luck.normal(size=(12, 8))[groups] + luck.normal(scale=0.3, size=(48, 8))
        hits = shortcuts.guessed(vectors, labels[groups].tolist(), groups=groups.tolist(), folds=5, seed=1)
        assert len(hits) == shortcuts.SHUFFLES + 1
        above += hits[0] > np.percentile(hits[1:], 97.5)
    assert above <= 5


def test_a_shuffle_moves_groups_as_a_whole_inside_a_fold() -> None:
    groups, folds = np.array([0, 0, 1, 1, 2, 2, 3, 3]), [np.array([0, 1, 4, 5]), np.array([2, 3, 6, 7])]
    order = shortcuts._shuffles(groups, folds, seed=1)
    assert order[:, 0].tolist() == list(range(8))
    for column in order.T:
        for fold in folds:
            assert sorted(column[fold]) == fold.tolist()
        assert [len(set(groups[column[groups == group]])) for group in range(4)] == [1] * 4
    assert len({tuple(column) for column in order.T}) == 4


def test_chance_is_the_share_of_the_most_frequent_label() -> None:
    rows = [{"text": "same", "label": "kind" if i < 30 else "rude"} for i in range(40)]
    [found] = shortcuts._guessing(CARD, {"a": rows}, embed=by_words("same"), seed=1).to_dict("records")
    assert (found["given"], found["chance"], found["accuracy"], found["n"]) == ("text", 0.75, 0.75, 40)


@pytest.mark.parametrize("labels", [["kind"] * 8, ["kind"] * 8 + ["rude"]], ids=["one label", "one example of a label"])
def test_too_few_examples_of_a_label_are_said_and_left_out(labels: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    few = remarks([str(i) for i in range(len(labels))], labels)
    two = remarks(list("abcd"), ["kind", "rude"] * 2)
    found = shortcuts._guessing(CARD, {"few": few, "two": two}, embed=by_words("a", "b", "c"), seed=1)
    assert found.set.tolist() == ["two"]
    assert capsys.readouterr().out.startswith("few: one label, or too few examples of one")
    none = shortcuts._guessing(CARD, {"few": few}, embed=by_words("a"), seed=1)
    assert none.empty
    assert list(none) == list(found)


# ---- multiple choice ----

QUESTIONS = [
    {"question": f"q{i}", "choices": [f"all of {i}", f"some {i}", f"none {i}"], "label": f"all of {i}"} for i in range(20)
]


def test_words_of_choices_go_with_being_right_or_wrong() -> None:
    words = shortcuts.word_associations(read_card("commonsense"), {"made": QUESTIONS})
    found = text_telling(words).set_index("word").label.to_dict()
    assert found["all"] == found["of"] == "right"


def test_a_choice_that_looks_right_is_guessed_without_its_question() -> None:
    def by_first_letter(texts: list[str]) -> np.ndarray:
        return np.array([[text.startswith(letter) for letter in "asn"] for text in texts], float)

    table = shortcuts._guessing(read_card("commonsense"), {"made": QUESTIONS}, embed=by_first_letter, seed=1)
    [row] = table.to_dict("records")
    assert (row["given"], row["accuracy"], row["n"]) == ("choices alone", 1.0, 20)
    assert row["chance"] == pytest.approx(1 / 3)
    hidden = [row | {"label": row["choices"][i % 3]} for i, row in enumerate(QUESTIONS)]
    assert shortcuts._guessing(read_card("commonsense"), {"made": hidden}, embed=by_first_letter, seed=1).accuracy[0] < 0.6
