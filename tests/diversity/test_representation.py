"""Who is written about: lexicons, entropies and gaps to people; and what groups stand with, where the answer is known."""

import csv
import random
from typing import Any

import numpy as np
import pytest
from asking import CARD

from lib.core import paths
from lib.core.artifacts import ExampleSet
from lib.core.set_names import SetName
from lib.core.text import words
from lib.diversity import representation, stereotypes
from lib.diversity.controls import controlled_sets
from lib.diversity.figures import representation_figure
from lib.diversity.measures import HUMAN, equal_sets
from lib.diversity.texts import TaskTexts

LEXICONS = sorted((paths.ROOT / "data" / "lexicons").glob("*.csv"))


def texts_of(**sets: list[tuple[str, str]]) -> TaskTexts:
    """Sets, people's among them, of texts with labels."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, pairs in sets.items():
        rows[name] = [{"id": f"{name} {i}", "text": text, "label": label} for i, (text, label) in enumerate(pairs)]
    people = rows.pop(HUMAN)
    written = {name: ExampleSet(SetName(name), each, 0.01, "a teacher") for name, each in rows.items()}
    equal, others = equal_sets(rows, people, seed=1)
    return TaskTexts(CARD, people, written, written, equal, others, None, 1, "")  # type: ignore[arg-type]


def about(*words: str, n: int, label: str = "kind") -> list[tuple[str, str]]:
    return [(f"This is about {words[i % len(words)]}.", label) for i in range(n)]


@pytest.mark.parametrize("file", LEXICONS, ids=lambda file: file.stem)
def test_a_lexicon_has_each_term_once_as_a_single_small_word(file: Any) -> None:
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    terms = [row["term"] for row in rows]
    assert len(set(terms)) == len(terms) > 50
    assert all(term.isalpha() and term == term.lower() for term in terms)
    assert all(all(row.values()) for row in rows)
    assert f"| {len(terms)} |" in (file.parent / "README.md").read_text(encoding="utf-8")


def test_a_text_counts_once_for_each_group_that_it_mentions() -> None:
    texts = ["He and she and HE.", "Emily's mother", "nobody", "Ahmed"]
    mentions = representation.Mentions("genders", [set(words(text)) for text in texts])
    assert mentions.groups == ["female", "male", "neither"]
    assert mentions.of_text.tolist() == [[True, True, False], [True, False, False], [False] * 3, [False, True, False]]


def test_the_entropy_of_few_mentions_is_that_of_many() -> None:
    """Of 40 mentions over eight equal groups the plain entropy is too low by an eighth of a bit."""
    rng = np.random.default_rng(1)
    few = rng.multinomial(40, [1 / 8] * 8, size=4000)
    plain = [-(p := row[row > 0] / 40) @ np.log2(p) for row in few]
    assert np.mean(plain) < 2.89
    assert representation.entropy(few).mean() == pytest.approx(3, abs=0.02)
    assert np.isnan(representation.entropy(np.zeros(3)))


def test_a_set_about_one_gender_is_less_even_than_people() -> None:
    table = representation.representation(
        texts_of(
            one_sided=about("her", "her", "her", "his", n=120), even=about("her", "his", n=120), human=about("her", "his", n=240)
        )
    )
    genders = table[(table.dimension == "genders") & (table.n == table.groupby("set").n.transform("max"))]
    at = genders.set_index(["set", "measure", "group"])
    assert at.loc[("one_sided", "entropy", ""), "gap_high"] < 0
    assert at.loc[("even", "entropy", ""), "gap_low"] < 0 < at.loc[("even", "entropy", ""), "gap_high"]
    female = at.loc[("one_sided", "share", "female")]
    assert female.low < female["value"] == 0.75 < female.high
    assert set(table[table.set == HUMAN].n) == {100, 240}


def test_too_few_mentions_have_no_value() -> None:
    table = representation.representation(texts_of(one=about("her", *["rain"] * 9, n=190), human=about("her", n=400)))
    one = table[(table.set == "one") & (table.dimension == "genders") & (table.n == 190)].set_index("measure")
    assert one.loc["entropy", "mentions"] == 19
    assert np.isnan(one.loc["entropy", "value"])
    assert one.loc["mentioned", "value"] == pytest.approx(0.1)


def test_a_figure_only_where_a_set_has_mentions() -> None:
    none = representation_figure(texts_of(one=about("rain", n=60), human=about("her", n=200)))
    assert none.figure is None
    assert "no set mentions" in none.caption
    some = representation_figure(
        texts_of(one=about("her", "his", n=60), two=about("rain", n=60), human=about("her", "his", n=200))
    )
    assert some.figure is not None
    assert some.figure.get_figheight() < 6
    drawn = [axis.get_title() for axis in some.figure.axes if axis.get_visible() and axis.get_title()]
    assert drawn == ["genders"]
    assert "With too few mentions to be drawn: ages, regions, names, nationalities, two." in some.caption


def test_a_group_that_few_mentions_lack_is_not_apart_from_people() -> None:
    few = texts_of(one=about("her", n=22) + about("rain", n=28), human=about(*["her"] * 19, "his", n=100))
    many = texts_of(one=about("her", n=100), human=about("her", "her", "her", "his", n=200))
    tables = [representation.representation(texts) for texts in (few, many)]
    apart = [set(representation.shares_apart(table).group) for table in tables]
    assert "male" not in apart[0]
    assert "male" in apart[1]


def random_texts(seed: int, n: int, per_reply: int = 1) -> list[tuple[str, str]]:
    """Texts of which group, label and polarity have nothing to do with each other."""
    rng = random.Random(seed)
    return [
        (f"{rng.choice(['he', 'she', 'rain'])} {rng.choice(['good', 'bad'])}", rng.choice(["kind", "rude"])) for _ in range(n)
    ]


def test_nothing_is_told_of_texts_without_an_association() -> None:
    told = [
        (stereotypes.stereotypes(texts_of(one=random_texts(seed, 200), human=random_texts(seed + 50, 400))).q < 0.05).any()
        for seed in range(6)
    ]
    assert sum(told) <= 2


def test_women_are_kind_in_a_set_and_not_in_peoples_texts() -> None:
    biased = about("her", n=80, label="kind") + about("his", n=80, label="rude") + random_texts(3, 100)
    table = stereotypes.stereotypes(texts_of(one=biased, human=random_texts(1, 600)))
    at = table[table["with"] == "label"].set_index(["set", "group", "value"])
    row = at.loc[("one", "female", "kind")]
    assert row.low > 0
    assert row.q < 0.01
    assert row.q_gap < 0.01
    assert abs(at.loc[(HUMAN, "female", "kind"), "log_odds"]) < 0.7
    assert list(stereotypes.strongest(table).set.unique()) == ["one"]
    assert "of one" in stereotypes.said_of_stereotypes(table)


def test_log_odds_by_hand_and_never_surer_than_single_texts() -> None:
    present = np.array([True] * 20 + [False] * 80)
    has = np.array([False] * 20 + [True] * 40 + [False] * 40)
    found = stereotypes._log_odds(present, has, np.arange(100))
    assert found["log_odds"] == pytest.approx(np.log((0.5 * 40.5) / (20.5 * 40.5)))
    assert found["error"] >= (1 / 0.5 + 1 / 20.5 + 2 / 40.5) ** 0.5 - 1e-9
    assert found["p"] > 0.001


def test_texts_of_few_replies_say_less() -> None:
    present = np.array([True, False] * 50)
    has = np.array([True] * 30 + [False] * 70)
    has[::2] |= np.arange(50) < 30
    assert (
        stereotypes._log_odds(present, has, np.arange(100) // 25)["error"]
        > stereotypes._log_odds(present, has, np.arange(100))["error"]
    )


def test_without_mentions_a_sentence_says_so() -> None:
    table = stereotypes.stereotypes(texts_of(one=about("rain", n=50), human=about("rain", n=100)))
    assert table.empty
    assert stereotypes.said_of_stereotypes(table).startswith("No group of people")


def test_a_controlled_part_tells_less_than_as_many_at_random() -> None:
    hinted = [("hooray, this", "kind"), ("this", "rude"), ("this", "kind"), ("this", "rude")] * 50
    table = controlled_sets(texts_of(one=hinted, human=about("rain", n=400)))
    at = table.set_index(["measure", "set"])["value"]
    assert at["suspect", "one"] == 0.25
    assert at["suspect", "one_resampled"] == 0 < at["suspect", "one_random"]
    assert at["examples_left", "one_random"] == at["examples_left", "one_resampled"] < 1
    assert at["dollars_left", "one_dropped"] > at["dollars_left", "one"] == pytest.approx(0.01)
