"""01 writes texts with their spans marked: by chat and as the lines of a base model, each way of asking."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from asking import FILMS, QUERY, prompt, teacher_at
from endpoint import completion, serving
from planning import plan_of
from refusing import refused

from lib.core.artifacts import Step, load_set, save_set
from lib.generation import account_table, plan_for, preview, write
from lib.generation.settings import GenerationSettings
from lib.teacher.marked_spans import marked_text

RAW = [QUERY, *[{"id": f"q{n}", "text": f"film {n}", "spans": [{"start": 5, "end": 6, "label": "Year"}]} for n in range(1, 4)]]
GENRES = ["horror", "comedy", "crime", "war", "space", "dance", "western", "heist"]


def film(number: int) -> str:
    return f"{GENRES[number % 8]} number {number * 7919} from the cinema"


def marked(number: int) -> str:
    genre, *others = film(number).split(" ")
    return " ".join([f"{{Genre|{genre}}}", *others])


def writer(body: dict[str, Any], number: int) -> Any:
    """A model that lists topics or attributes, or writes queries of which every fourth has a label that nobody knows."""
    if '"topics"' in prompt(body):
        return completion(json.dumps({"topics": ["cats", "rain", "tea"]}))
    if '"attributes"' in prompt(body):
        return completion(json.dumps({"attributes": [{"name": "tone", "values": ["short", "long"]}]}))
    many = re.search(r"Write (\d+) examples", prompt(body))
    texts = [marked(10 * number + at) for at in range(int(many[1]) if many else 1)]
    texts[0] = texts[0].replace("Genre", "Mood") if number % 4 == 1 else texts[0]
    return completion(json.dumps({"examples": [{"text": text} for text in texts]}))


@pytest.mark.parametrize("method", ["zero_shot", "zero_shot_topic", "one_shot", "few_shot", "attributes"])
def test_texts_are_written_with_their_spans_by_each_way_of_asking(method: str, tmp_path: Path) -> None:
    plan = plan_of(FILMS, method, RAW, n=8, per_reply=2)
    with serving(writer) as served:
        written = write(plan, teacher_at(served.url, tmp_path, in_flight=1))
    assert len(written.examples) == plan.n == 8
    for row in written.examples:
        [span] = row["spans"]
        assert (span["label"], row["text"][span["start"] : span["end"]]) == ("Genre", row["text"].split(" ")[0])
        assert "label" not in row
    assert {row["outcome"] for row in written.rejected} <= {"invalid: label outside the task", "surplus"}
    assert any(row["outcome"].startswith("invalid") for row in written.rejected)
    asked = prompt(served.bodies[-1])
    assert all(part in asked for part in ['- "Genre" (a genre)', '- "MPAA Rating" (an age rating)', "{Genre|the piece}"])
    assert "giv" not in asked.split("The task")[1].split("Fields")[0]  # Labels are to be named.
    shown = {"few_shot": 3, "one_shot": 1}.get(method, 0)
    assert sum(json.dumps({"text": marked_text(FILMS, row)}) in asked for row in RAW) == shown
    fields = served.bodies[-1]["response_format"]["json_schema"]["schema"]["properties"]["examples"]["items"]["properties"]
    assert list(fields) == ["text"]


def test_what_was_written_is_saved_with_its_price(tmp_path: Path) -> None:
    plan = plan_of(FILMS, "few_shot", RAW, n=4, per_reply=2)
    with serving(writer) as served:
        written = write(plan, teacher_at(served.url, tmp_path, in_flight=1))
    bill, file = written.bill.summary(), tmp_path / "few_shot.parquet"
    save_set(file, written.examples, step=Step("01_generation", {}), name=plan.name, teacher="m", bill=bill)
    assert [row["spans"] for row in load_set(file).rows] == [row["spans"] for row in written.examples]
    assert account_table(written).dollars.iloc[-1] == pytest.approx(bill["dollars"])
    assert preview(FILMS, written.examples).text.tolist() == [row["text"] for row in written.examples[:3]]


def test_a_base_model_continues_marked_lines(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Any:
        texts = [marked(10 * number + at) for at in range(body.get("n", 1))]
        lines = [f" {json.dumps(text)}}}" for text in texts] if number else [' "nothing marked"}', ' "{Genre|war'][: len(texts)]
        return {
            "choices": [{"text": line, "finish_reason": "stop"} for line in lines],
            "usage": {"prompt_tokens": 9, "completion_tokens": 9},
        }

    for method in ("zero_shot", "few_shot_3"):
        plan = plan_for(
            FILMS, RAW, method=method, settings=GenerationSettings(n=4, per_reply=2, drop_junk=False), completion=True
        )
        with serving(answer) as served:
            written = write(plan, teacher_at(served.url, tmp_path / method, in_flight=1, completion=True))
        assert len(written.examples) == 4, written.rejected
        assert written.examples[0]["spans"][0]["label"] == "Genre"
        assert "invalid: nothing marked" in {row["outcome"] for row in written.rejected}
        begun = served.bodies[0]["prompt"]
        assert begun.endswith('\n{"text":')
        assert "{Label|a piece}: a piece that the label fits. Labels: Genre, Year, MPAA Rating." in begun
        assert begun.count('\n{"text": "') == (3 if method == "few_shot_3" else 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "terse"}, "prompt: texts with marked spans (task 'films') are asked for in one way; leave it out."),
        ({"hide_label": False}, "hide_label: texts with marked spans"),
        ({"conditioned": False}, "conditioned: texts with marked spans"),
        ({"mask_labels": "codes"}, "mask_labels 'codes': task 'films' (spans) has no fixed labels"),
    ],
)
def test_what_texts_with_spans_have_not_is_refused(change: dict[str, Any], said: str) -> None:
    refused(lambda: plan_of(FILMS, "few_shot", RAW, **change), said)


def test_methods_that_need_one_label_do_not_fit() -> None:
    for method in ("tree", "base_then_refine", "dialogues"):
        with pytest.raises(ValueError, match=method):
            plan_of(FILMS, method, RAW)


def test_lengths_of_people_are_asked_for(tmp_path: Path) -> None:
    plan = plan_of(FILMS, "zero_shot", RAW, n=2, per_reply=2, human_lengths=True)
    with serving(writer) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    assert '{"text": 5}' in prompt(served.bodies[0]) or '{"text": 2}' in prompt(served.bodies[0])
    assert len(written.shown) == 2


def test_a_dry_run_costs_more_than_what_is_asked(tmp_path: Path) -> None:
    plan = plan_of(FILMS, "few_shot_3", RAW, n=6, per_reply=3)
    with serving(writer) as served:
        written = write(plan, teacher_at(served.url, tmp_path))
    most = max(request.worst().input for request in plan.possible_requests())
    assert all(answer.request.worst().input <= most for answer in written.answers)
    assert len(written.answers) <= len(plan.possible_requests())
