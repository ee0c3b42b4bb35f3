"""A kind of one's own, one class and a card, goes through all five steps."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import teacher_at
from endpoint import completion, serving
from tiny import save_tiny

from lib.budget import comparison, scores
from lib.core import error_analysis, kinds, metrics
from lib.core.artifacts import Step, load_set, save_set, save_table
from lib.core.example_sets import prices_of
from lib.core.kinds import Labels
from lib.core.mixes import NONE, TEST, Offer
from lib.core.set_names import SetName
from lib.core.tasks import Card, load, per_text, read_card, text_of
from lib.diversity import label_shift, measures, shortcuts
from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.labeling.agreement import agreement
from lib.labeling.labels import label, read_pool
from lib.training.mix_draws import Run
from lib.training.plan import _evaluations, _Pools, _with_facts
from lib.training.settings import Recipe
from lib.training.sweep import sweep

CARD = """
name: analogy
kind: triple
description: say whether the third remark answers the first two.
fields: {first: a remark, second: an answer to it, third: an answer to both}
labels: {fits: it answers both, strays: it speaks of something else}
topic_prompt: things people talk about
family: own
human_price: {dollars: 0.1, source: a quote}
sources: {own: {files: {train: FOLDER/train.jsonl, test: FOLDER/test.jsonl}}}
"""


class Triple(Labels):
    """Three texts with one label."""

    name = "triple"

    def check_card(self, card: Card) -> None:
        super().check_card(card)
        if len(card.fields) != 3:
            raise ValueError(f"fields: a triple task has three texts, not {len(card.fields)}")


def row(k: int) -> dict[str, Any]:
    fits = k % 2 == 0
    return {
        "first": f"The {('bus', 'train', 'tram')[k % 3]} is late",
        "second": f"It was late {k} days ago",
        "third": f"Then we walk {k} miles" if fits else f"My soup has {k} beans",
        "label": "fits" if fits else "strays",
    }


def teacher_says(body: dict[str, Any], call: int) -> Any:
    """Topics, new examples, or the label of one, whatever the prompt asks for."""
    prompt = body["messages"][-1]["content"]
    if '"topics"' in prompt:
        return completion(json.dumps({"topics": ["buses", "soup"]}))
    if "Which label is right?" in prompt:
        example = prompt.split("The example:")[1]
        return completion(json.dumps({"label": "strays" if "soup" in example else "fits"}))
    wanted = re.search(r"Write (\d+) examples", prompt)
    label = re.search(r'with the label "(\w+)"', prompt)
    rows = [
        row(2 * (call * 9 + k) + (label is not None and label[1] == "strays")) for k in range(int(wanted[1]) if wanted else 1)
    ]
    return completion(json.dumps({"examples": [{name: each[name] for name in ("first", "second", "third")} for each in rows]}))


def embed(texts: list[str]) -> np.ndarray:
    """Vectors of length one by letters."""
    counts = np.array([[1 + text.count(letter) for letter in "abcdefghij"] for text in texts], dtype=float)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    monkeypatch.setattr(kinds, "_KINDS", kinds.kinds())
    kinds.register_kind(Triple())
    for split, numbers in {"train": range(24), "test": range(40, 52)}.items():
        lines = [json.dumps(row(k)) for k in numbers]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines))
    (tmp_path / "analogy.yaml").write_text(CARD.replace("FOLDER", str(tmp_path)))
    return read_card(str(tmp_path / "analogy.yaml"))


def test_a_kind_of_ones_own_goes_from_01_to_05(card: Card, tmp_path: Path) -> None:
    human = load(card).to_list()

    # 01
    with serving(teacher_says) as served:
        teacher = teacher_at(served.url, tmp_path)
        plan = plan_for(card, human, method="zero_shot", settings=GenerationSettings(n=8, per_reply=2, seed=1, near=1.0))
        written = write(plan, teacher, embed)
        assert len(written.examples) == 8
        step = Step("01_generation", {}, [])
        file = tmp_path / "zero_shot.parquet"
        bill = written.bill.summary()
        save_set(file, written.examples, step=step, name=SetName("zero_shot"), teacher="m", bill=bill)
        one = load_set(file)

        # 02
        pool, shown = read_pool(card, method="few_shot", split="test", n=6, shots=1, raw=24, seed=1)
        labeled = label(card, pool, teacher=teacher, method="few_shot", shots=shown)
        assert agreement(card, labeled, pool).scores["accuracy"] == 1

    # 03
    sets = {one.method: one.rows}
    texts = {name: [text_of(card, each) for each in rows] for name, rows in sets.items()}
    assert texts["zero_shot"][0].count("\n") == 2
    assert set(measures.measure(texts, [text_of(card, each) for each in human[8:16]], embed=embed, seed=1).set) == {"zero_shot"}
    assert len(shortcuts.word_associations(card, sets)) >= 0
    assert set(shortcuts._guessing(card, sets, embed=embed, seed=1).given) == {*card.fields, "all fields"}
    assert label_shift.label_counts(card, sets).loc["fits", "zero_shot"] == 4
    assert per_text(card, one.rows)["label"].sum().to_dict() == {"fits": 4, "strays": 4}

    # 04
    recipe = Recipe(encoder=save_tiny(tmp_path / "encoder"), epochs=2, frozen_layers=1, max_tokens=32, batch_size=4, device="cpu")
    runs = [Run(*mix, seed) for mix, seed in itertools.product([(NONE, 8, 0), ("zero_shot", 0, 8), ("zero_shot", 8, 8)], (1, 2))]
    tests = _evaluations(card, None)
    found = sweep(
        card, human, synthetic=sets, evaluations=tests, runs=runs, recipe=recipe, kept=str(tmp_path / "kept.jsonl"), workers=1
    )
    assert set(card.task_kind.score_names) <= set(found)
    assert set(metrics.learning(found, card.measures).measure) == {"accuracy"}
    answers = [json.loads(predicted) for predicted in found.predicted]
    gold = [card.task_kind.gold(each) for each in tests[TEST].rows]
    assert error_analysis.by_class_over_runs(card.task_kind, gold, answers).n.sum() == len(gold)
    missed = error_analysis.most_missed(card, tests[TEST].rows, gold, [["nothing like it"] * len(gold)])
    assert missed.text[0].count(" / ") == 2

    # 05
    offers = {one.method: Offer(prices_of(card, {one.method: one})[one.method], (24, 8))}
    table = _with_facts(
        found,
        _Pools(card, None, human=human, labeled=0, balanced=False, sets={one.method: one}, offers=offers, evaluations=tests),
    )
    save_table(tmp_path / "scores.csv", table, step)
    read = scores.read_scores([str(tmp_path / "scores.csv")])
    assert set(comparison.by_method(read).task) == {"analogy"}
    assert scores._measures_of(read) == ["accuracy"]


def test_the_class_checks_its_cards(card: Card, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text((tmp_path / "analogy.yaml").read_text().replace(", third: an answer to both", ""))
    with pytest.raises(ValueError, match="two.yaml.*a triple task has three texts, not 2"):
        read_card(str(path))


def test_a_name_is_given_once(card: Card) -> None:
    with pytest.raises(ValueError, match="There is a kind 'triple' already: give yours another name"):
        kinds.register_kind(Triple())


def test_an_unregistered_kind_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "analogy.yaml").write_text(CARD)
    with pytest.raises(ValueError, match="kind: there is no kind 'triple', but 'text', .*'frames'"):
        read_card(str(tmp_path / "analogy.yaml"))
