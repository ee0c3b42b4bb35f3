"""02 marks the spans of texts: by chat and as the end of a base model's line, without and with human examples."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from asking import FILMS, QUERY, prompt, teacher_at
from endpoint import completion, serving
from refusing import refused

from lib.core.sources import Row
from lib.labeling import agreement, methods_of, side_by_side
from lib.labeling.labels import label, possible_requests
from lib.labeling.settings import LabelingRequests, LabelingSettings
from lib.labeling.spans import draw_examples
from lib.teacher.marked_spans import marked_text


def query(number: int, text: str, *spans: tuple[str, str]) -> Row:
    places = [{"start": text.index(piece), "end": text.index(piece) + len(piece), "label": name} for piece, name in spans]
    return {"id": f"q{number}", "text": text, "spans": places}


POOL = [
    QUERY,
    query(1, "any war films", ("war", "Genre")),
    query(2, "what was shown in 1999", ("1999", "Year")),
    query(3, "hello there"),
]
REPLIES = {
    "horror films": "{Genre|horror} films {Mood|of} the {Year|80s}",
    "any war": "Any {Genre|war films}",
    "1999": "what was {Genre|shown} in {Year|1999}",
    "hello": "I am sorry, {Genre|that} is none of my business",
}


def marker(body: dict[str, Any], number: int) -> Any:
    asked = prompt(body).rpartition("The example:")[2]
    return completion(json.dumps({"marked": next(reply for begin, reply in REPLIES.items() if begin in asked)}))


def test_texts_are_marked_and_each_mark_that_is_none_is_a_rejected_row(tmp_path: Path) -> None:
    with serving(marker) as served:
        labeled = label(FILMS, POOL, teacher=teacher_at(served.url, tmp_path))
    assert [marked_text(FILMS, row) for row in labeled.examples] == [
        "{Genre|horror} films of the {Year|80s}",
        "any {Genre|war films}",
        "what was {Genre|shown} in {Year|1999}",
    ]
    first = labeled.examples[0]
    assert (first["human_spans"], first["method"], first["source"]) == (QUERY["spans"], "labeled_zero_shot", "synthetic")
    assert Counter(row["outcome"] for row in labeled.rejected) == {
        "label outside the task": 1,
        "failed: the reply is not the text": 1,
    }
    spent = sum(row["dollars"] for row in [*labeled.examples, *labeled.rejected])
    assert spent == pytest.approx(labeled.bill.summary()["dollars"])
    asked = str(served.bodies)
    assert "'temperature': 0.0" in asked
    assert "{Year|80s}" not in asked  # The labels of people are not shown.
    labeled.require()


def test_the_marks_are_compared_with_those_of_people(tmp_path: Path) -> None:
    with serving(marker) as served:
        labeled = label(FILMS, POOL, teacher=teacher_at(served.url, tmp_path))
    found = agreement(FILMS, labeled, POOL)
    parts = found.tables[0]
    assert (parts.loc["spans with label"].n, parts.loc["spans with label"].given) == (4, 5)
    assert parts.loc["spans with label"].recall == pytest.approx(3 / 4)
    assert found.scores["micro_f1"] == pytest.approx(2 * 3 / 9)
    assert found.scores["spans_with_label_f1"] == pytest.approx(found.scores["micro_f1"])
    assert ("nothing", "Genre") in found.pairs
    assert "n = 4 texts, of which 1 without any labels" in found.summary
    assert side_by_side(FILMS, labeled, 1).iloc[0].tolist() == ["{Genre|horror} films of the {Year|80s}"] * 2


def test_human_examples_are_shown_with_their_marks(tmp_path: Path) -> None:
    with serving(marker) as served:
        label(FILMS, POOL[1:3], teacher=teacher_at(served.url, tmp_path), method="few_shot", shots=[QUERY])
    shown = json.dumps({"text": QUERY["text"], "marked": "{Genre|horror} films of the {Year|80s}"})
    assert all(shown in prompt(body) for body in served.bodies)


def test_shots_hold_each_label_so_often_as_far_as_there_are_so_many() -> None:
    import random

    raw = [query(n, f"film {n}", (str(n), "Year")) for n in range(5)] + POOL
    for n in (0, 1, 2):
        drawn = draw_examples(FILMS, raw, n=n, rng=random.Random(n))
        held = Counter(span["label"] for row in drawn for span in row["spans"])
        assert held["Year"] >= n
        assert held["Genre"] >= n
        assert len(drawn) <= 2 * n
        assert len({row["id"] for row in drawn if row["spans"]}) <= len(drawn)


def test_a_base_model_ends_the_line_with_the_marked_text(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        text = json.loads(body["prompt"].rpartition("\n")[2].removesuffix(', "marked":') + "}")["text"]
        line = {"any war films": ' "any {Genre|war} films"}', "hello there": ' "hello there"'}.get(text, ' "{Year|1999"}')
        return {"choices": [{"text": line, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 9}}

    with serving(answer) as served:
        teacher = teacher_at(served.url, tmp_path, completion=True)
        labeled = label(FILMS, POOL[1:], teacher=teacher, method="few_shot", shots=[QUERY], completion=True)
    assert [marked_text(FILMS, row) for row in labeled.examples] == ["any {Genre|war} films"]
    assert {row["outcome"] for row in labeled.rejected} == {
        "failed: the reply is not the text",
        "failed: no marked text in the reply",
    }
    assert '"marked": "{Genre|horror} films of the {Year|80s}"}\n{"text": ' in served.bodies[0]["prompt"]


def test_what_labels_of_spans_have_not_is_refused() -> None:
    assert list(methods_of(FILMS)) == ["zero_shot", "few_shot"]
    assert methods_of(FILMS, written=True) == {}
    refused(
        lambda: label(FILMS, POOL, teacher=None, settings=LabelingSettings(prompt="terse")),
        "those for spans (task 'films') have one wording",
    )  # type: ignore[arg-type]
    refused(
        lambda: label(FILMS, POOL, teacher=None, settings=LabelingSettings(mask_labels="codes")),
        "'films' (spans) has no fixed labels",
    )  # type: ignore[arg-type]


def test_a_dry_run_counts_a_request_for_each_text() -> None:
    plain, shown = (
        possible_requests(FILMS, POOL, method=method, raw=POOL, options=LabelingRequests(shots=2))
        for method in ("zero_shot", "few_shot")
    )
    assert len(plain) == len(shown) == 4
    assert all(few.worst().input > one.worst().input for one, few in zip(plain, shown, strict=True))
