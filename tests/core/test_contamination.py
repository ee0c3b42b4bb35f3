"""What of a set stands in the test set: how many, how large a part, and a sentence that shows some."""

from pathlib import Path

import pytest
from made_up import MADE_UP

from lib.core.contamination import Repeated, repeated, texts_of_test
from lib.core.tasks import Card, read_card
from lib.core.text import NearTexts

LONG = "the quick brown fox jumps over the lazy dog near the river bank"


def test_equal_and_nearly_equal_texts_are_counted_apart() -> None:
    found = repeated([LONG.upper(), LONG + "s", "something else", "other words"], NearTexts([LONG, "never said"]))
    assert found == Repeated(4, 2, [(LONG.upper(), LONG), (LONG + "s", LONG)])
    assert found.equal == 1


@pytest.mark.parametrize(
    ("n", "n_test", "pairs", "share"),
    [
        (10, 100, [("a", "a")], 0.1),
        (100, 10, [("a", "a")], 0.1),
        (100, 10, [("a", "a"), ("A", "a"), ("a ", "a")], 0.1),  # One test text, whoever says it again.
        (100, 10, [], 0),
        (0, 0, [], 0),
    ],
)
def test_the_share_is_of_the_set_or_of_the_test_set(n: int, n_test: int, pairs: list[tuple[str, str]], share: float) -> None:
    assert Repeated(n, n_test, pairs).share == pytest.approx(share)


def test_a_sentence_names_the_set_the_counts_and_two_texts() -> None:
    pairs = [(f"{LONG} {k}", LONG) for k in range(3)] + [("word " * 99, "word " * 99)]
    said = Repeated(1200, 50, pairs).said("zero_shot", "garden")
    assert said.startswith("4 of 1,200 texts of zero_shot stand among the 50 of garden, equal (1) or nearly so (3): ")
    assert said.count(" beside ") == 2
    assert f"{LONG} 0" in said
    assert len(Repeated(9, 9, pairs[3:]).said("m")) < 400


def test_a_source_without_test_examples_has_none(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\nOne,x\nTwo,y\n")
    files = {"files": {"train": str(tmp_path / "train.csv")}}
    card = Card(**MADE_UP | {"sources": {"own": files}}, kind="text", fields={"text": "a text"}, labels={"x": "1", "y": "2"})
    assert texts_of_test(card, None) == []
    held_out = card.model_copy(update={"sources": {"own": card.sources["own"].model_copy(update={"held_out": 1})}})
    assert len(texts_of_test(held_out, None)) == 1
    assert len(texts_of_test(read_card("news"), None)) > 50
