"""A study is checked before anything runs, and its highest cost is one that no run can exceed."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from asking import COST, teacher_at
from endpoint import completion, serving
from refusing import refused

from lib.core import paths
from lib.core.pricing import TokenPrice, dollars, nano
from lib.core.tasks import load
from lib.generation import METHODS
from lib.generation import write as ask
from lib.labeling.labels import label as labels_label
from lib.study import dry_run, own_data, schema
from lib.teacher.client import TRIES, Request, TeacherError

GOOD: dict[str, Any] = {"question": "Which?", "tasks": ["news"], "budgets": {"budgets": [1, 2], "shares": [0, 0.5]}}


def write(folder: Path, content: dict[str, Any], name: str = "mine.yaml") -> str:
    (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return str(folder / name)


# ---- reading ----


def test_every_study_can_be_read_and_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing of the hub is at hand."""
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    for path in paths.STUDIES.glob("*.yaml"):
        study = schema.read_study(path.stem)
        assert schema.cards(study) or study.scores
        assert dry_run._plans(study) or not (study.tasks and study.generation.methods)


def test_a_study_by_path(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    study = schema.read_study(path)
    assert schema.study_path(path) == Path(path)
    assert (study.tasks, study.teacher, study.budget, study.budgets.shares) == (["news"], "recorded", None, [0, 0.5])
    assert schema.read_study("studies/demo.yaml") == schema.read_study("demo")


def test_a_study_with_a_card_of_ones_own(tmp_path: Path) -> None:
    card = tmp_path / "own.yaml"
    card.write_text((paths.TASKS / "news.yaml").read_text().replace("name: news", "name: mine"))
    study = schema.read_study(write(tmp_path, GOOD | {"tasks": [str(card)]}))
    assert list(schema.cards(study)) == ["mine"]


def test_an_encoder_for_another_language_is_refused_before_anything_is_paid(tmp_path: Path) -> None:
    japanese = {"encoder": "ku-nlp/deberta-v2-base-japanese"}
    study = schema.read_study(write(tmp_path, GOOD | {"training": japanese}))
    refused(lambda: schema.cards(study), "is for Japanese, and the texts of task 'news' are in English")
    own = tmp_path / "own.yaml"
    own.write_text((paths.TASKS / "news.yaml").read_text().replace("kind: text", "kind: text\nlanguage: Japanese"))
    assert schema.cards(schema.read_study(write(tmp_path, GOOD | {"tasks": [str(own)], "training": japanese})))


@pytest.mark.parametrize("study", ["none", "none.yaml", ""])
def test_an_unknown_study(study: str) -> None:
    refused(lambda: schema.read_study(study), f"Unknown study {study!r}", "demo", "path of a study (.yaml)")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"tasks": ["news", "nwes"]},
            ["tasks", "unknown task 'nwes'", "abstract, agnews, bank_intent, claims", "path of a card"],
        ),
        ({"tasks": []}, ["nothing to look at: give tasks, or scores that are there already"]),
        ({"tasks": ["news", "sentiment", "news"]}, ["tasks", "'news'", "twice"]),
        ({"generation": {"methods": ["zero_shoot"]}}, ["generation.methods", "unknown method 'zero_shoot'", "zero_shot_topic"]),
        ({"generation": {"n": 0}}, ["generation.n", "greater than or equal to 1"]),
        ({"labeling": {"methods": ["many_shot"]}}, ["labeling.methods", "unknown method 'many_shot'", "zero_shot"]),
        ({"genration": {}}, ["genration: unknown key"]),
        ({"training": {"epoch": 3}}, ["training.epoch: unknown key"]),
        ({"training": {"learning_rate": 0}}, ["training.learning_rate", "greater than 0"]),
        ({"training": {"shards": 0}}, ["training.shards"]),
        ({"training": {"max_tokens": 0}}, ["training.max_tokens", "greater than or equal to 1"]),
        ({"training": {"dev_share": 1}}, ["training.dev_share", "less than 1"]),
        ({"training": {"dev_share": -0.1}}, ["training.dev_share", "greater than or equal to 0"]),
        ({"training": {"also_test": "riddle"}}, ["training.also_test", "list", "'riddle'"]),
        ({"budget": -1}, ["budget", "greater than or equal to 0", "-1"]),
        ({"budget": "nan"}, ["budget"]),
        ({"budgets": {"budgets": [1, -2], "shares": [0]}}, ["budgets.budgets", "above 0"]),
        ({"budgets": {"budgets": [0, 1], "shares": [0]}}, ["budgets.budgets", "above 0"]),
        ({"budgets": {"budgets": ["nan"], "shares": [0]}}, ["budgets.budgets"]),
        ({"budgets": {"budgets": ["inf"], "shares": [0]}}, ["budgets.budgets"]),
        ({"budgets": {"budgets": [], "shares": [0]}}, ["budgets: budgets and shares go together"]),
        ({"budgets": {"budgets": [1], "shares": []}}, ["budgets: budgets and shares go together"]),
        ({"budgets": {"budgets": [1], "shares": [0, 1.5]}}, ["budgets.shares", "between 0 and 1"]),
        ({"budgets": {"budgets": [1], "shares": [-0.5]}}, ["budgets.shares", "between 0 and 1"]),
        ({"budgets": {"budgets": [1], "shares": ["half"]}}, ["budgets.shares", "number", "'half'"]),
        ({"token_prices": {"m": {"input": 1}}}, ["token_prices.m.output: missing"]),
        ({"token_prices": {"m": {"input": -1, "output": 1}}}, ["token_prices.m.input", "greater than or equal to 0"]),
        ({"question": None}, ["question"]),
    ],
)
def test_mistake_in_a_study(tmp_path: Path, change: dict[str, Any], said: list[str]) -> None:
    content = {key: value for key, value in (GOOD | change).items() if value is not None}
    refused(lambda: schema.read_study(write(tmp_path, content)), "mine.yaml", *said)


def test_two_tasks_of_one_name(tmp_path: Path) -> None:
    """Their files would have the same names."""
    card = tmp_path / "own.yaml"
    card.write_text((paths.TASKS / "news.yaml").read_text())
    study = schema.read_study(write(tmp_path, GOOD | {"tasks": ["news", str(card)]}))
    refused(lambda: schema.cards(study), "news", "one name")


# ---- the highest cost ----

PRICE = {"input": 1.0, "output": 2.0}
CARD: dict[str, Any] = {
    "name": "tone",
    "kind": "text",
    "description": "say whether a remark is kind.",
    "fields": {"text": "a remark"},
    "labels": {"respectful": "", "無礼な発言の例": "", "plain one": ""},
    "family": "tone",
    "topic_prompt": "things people remark on",
    "human_price": {"dollars": 0.1, "source": "a test"},
}


def own_study(folder: Path, method: str, per_reply: int, n: int = 5, **more: Any) -> schema.Study:
    labels: dict[str, str] = CARD["labels"]
    rows = [{"text": f'"quoted" 発言 {i} {label}', "label": label} for i in range(5) for label in labels]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"own": {"files": {"train": str(folder / "rows.jsonl")}}}
    content = GOOD | {"tasks": [write(folder, CARD | {"sources": source}, "card.yaml")], "token_prices": {"m": PRICE}}
    settings = {"n": n, "per_reply": per_reply, "topics": 2, "attributes": 2, "values": 2, **more}
    used = {name: value for name, value in settings.items() if name in METHODS[method].uses}
    asked = {"methods": [method], **used}
    content |= {"generation": asked, "labeling": {"n": 3}}
    return schema.read_study(write(folder, content))


def reserved(bodies: list[dict[str, Any]]) -> int:
    """What an endpoint reserved for the calls that it got: each at its worst."""
    price = TokenPrice.model_validate(PRICE)
    asked = [Request(b["messages"], b["response_format"]["json_schema"]["schema"], max_tokens=b["max_tokens"]) for b in bodies]
    return sum(price.nanodollars(request.worst()) for request in asked)


def listed(name: str, *items: Any) -> dict[str, Any]:
    return completion(json.dumps({name: items}))


def by_kind(topic: str, examples: Callable[[int], dict[str, Any]]) -> Callable[[dict[str, Any], int], Any]:
    lists = {"topics": [topic, topic[::-1]], "attributes": [{"name": topic + name, "values": [topic]} for name in "ab"]}

    def answer(body: dict[str, Any], n: int) -> Any:
        asked = [name for name in lists if f'{{"{name}"' in str(body["messages"])]
        return listed(asked[0], *lists[asked[0]]) if asked else examples(n)

    return answer


def item(n: int) -> dict[str, Any]:
    return {"text": f"remark {n}"}


ANSWERS: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "nonsense": by_kind("tea", lambda n: completion("no idea")),
    "never a list": lambda body, n: completion("no idea"),
    "nothing": by_kind("tea", lambda n: listed("examples")),
    "one at a time": by_kind("tea", lambda n: listed("examples", item(n))),
    "the same": by_kind("tea", lambda n: listed("examples", item(0), item(0))),
    "invalid": by_kind("tea", lambda n: listed("examples", {"txet": "x"})),
    "every fifth": by_kind("tea", lambda n: listed("examples", item(n)) if n % 5 == 4 else completion("no")),
    "a long topic": by_kind("tea and cake " * 500, lambda n: completion("no idea")),
    "a strange topic": by_kind('"\\\n\x01茶' * 30, lambda n: completion("no idea")),
}


WRITERS = ["zero_shot", "zero_shot_topic", "one_shot", "few_shot_3", "few_shot_5", "attributes"]
ASKED = [
    (method, answer, (1, 3)[(number + place) % 2])
    for number, method in enumerate(WRITERS)
    for place, answer in enumerate(ANSWERS)
]
"""Each method with each way to answer, in turn one example a reply and three."""


@pytest.mark.parametrize(("method", "answer", "per_reply"), ASKED)
def test_generation_never_reserves_more_than_the_highest_cost(tmp_path: Path, method: str, answer: str, per_reply: int) -> None:
    study = own_study(tmp_path, method, per_reply)
    [card] = schema.cards(study).values()
    plan = schema.plans_of(card, study, load(card).to_list())[method]
    with serving(ANSWERS[answer]) as served:
        teacher = teacher_at(served.url, tmp_path, budget=1000)
        try:
            ask(plan, teacher)
        except TeacherError:  # No topics came.
            assert answer == "never a list"
    assert 0 < reserved(served.bodies) <= dry_run._highest_costs(study, "m")[f"01 tone {method}"]


@pytest.mark.parametrize("text", ["no idea", '{"label": "plain one"}'])
def test_labeling_never_reserves_more_than_the_highest_cost(tmp_path: Path, text: str) -> None:
    study = own_study(tmp_path, "zero_shot", 3)
    [card] = schema.cards(study).values()
    rows = load(card).to_list()[:3]
    with serving(lambda body, n: completion(text)) as served:
        labels_label(card, rows, teacher=teacher_at(served.url, tmp_path, budget=1000))
    highest = dry_run._highest_costs(study, "m")["02 tone zero_shot"]
    assert reserved(served.bodies) * (1 if text == "no idea" else TRIES) == highest
    assert len(served.bodies) * COST <= highest


def test_what_a_dry_run_says(tmp_path: Path) -> None:
    study = own_study(tmp_path, "zero_shot", 3)
    highest = dry_run._highest_costs(study, "m")
    *parts, total = dry_run.cost_lines(study, "m", None)
    for line, (part, cost) in zip(parts, highest.items(), strict=True):
        assert line.split("  ")[1] == part
        assert stated(line) >= dollars(cost) > 0
    assert stated(total) >= dollars(sum(highest.values()))
    assert "no budget is set" in total
    assert dry_run.cost_lines(study, "recorded", None) == ["  replays data/recordings and costs nothing"]


def test_a_set_that_ends_at_its_own_dollars_costs_no_more(tmp_path: Path) -> None:
    free = dry_run._highest_costs(own_study(tmp_path, "zero_shot", 3), "m")
    capped = dry_run._highest_costs(own_study(tmp_path, "zero_shot", 3, dollars=0.001), "m")
    part, other = free
    assert (part, other) == ("01 tone zero_shot", "02 tone zero_shot")
    assert free[part] > capped[part] == nano(0.001)
    assert capped[other] == free[other]
    *_, total = dry_run.cost_lines(own_study(tmp_path, "zero_shot", 3, dollars=0.001), "m", None)
    assert "asked 5 times until a set's own dollars are spent; no budget is set" in total


def stated(line: str) -> float:
    return float(re.findall(r"\$([0-9.]+\d)", line)[0])


def test_each_repeat_is_counted(tmp_path: Path) -> None:
    study = own_study(tmp_path, "zero_shot", 3)
    twice = study.model_copy(update={"generation": study.generation.model_copy(update={"repeats": 2})})
    costs = dry_run._highest_costs(study, "m")
    assert dry_run._highest_costs(twice, "m") == costs | {"01 tone zero_shot_repeat_2": costs["01 tone zero_shot"]}


def test_a_budget_caps_the_highest_cost(tmp_path: Path) -> None:
    study = own_study(tmp_path, "zero_shot", 3)
    *_, small = dry_run.cost_lines(study, "m", 0.01)
    assert small.startswith("Highest cost: $0.01, the budget; ")
    *_, large = dry_run.cost_lines(study, "m", 100.0)
    assert stated(large) < 100
    refused(lambda: dry_run.cost_lines(study, "unknown-model", 1.0), "No price is known for model 'unknown-model'")


# ---- example sets ----

SET = {"file": "a.csv", "teacher": "m", "price": 0.01}


def test_a_study_of_sets_that_are_there_asks_nothing(tmp_path: Path) -> None:
    """Spans, too, which 01 could not write."""
    rows = [{"text": "in Kyoto", "spans": [{"start": 3, "end": 8, "label": "city"}]}] * 3
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = str(tmp_path / "rows.jsonl")
    card = CARD | SPANS | {"labels": {"city": ""}, "sources": {"own": {"files": {"train": file, "test": file}}}}
    places = write(tmp_path, card, "places.yaml")
    quiet = {"generation": {"methods": []}, "labeling": {"n": 0}, "per_task": {places: {"sets": {"mine": SET | {"file": file}}}}}
    study = study_of(tmp_path, tasks=["news", places], **quiet)
    (_, alone), (_, own) = schema.studies_by_task(study).values()
    own_data.check_data(study)
    assert dry_run.cost_lines(study, "recorded", None) == ["  is asked nothing, and costs nothing"]
    assert own_data.given_sets(own) == [{"method": "mine", "file": file, "teacher": "m", "price": 0.01}]
    assert (alone.methods, own.methods) == ([], ["mine"])
    broken = study.model_copy(update={"per_task": {places: {"sets": {"mine": SET | {"file": str(tmp_path / "none.csv")}}}}})
    refused(lambda: own_data.check_data(broken), "none.csv: no such file")


def test_a_parquet_file_of_01_brings_its_price_and_teacher_along(tmp_path: Path) -> None:
    file = "data/examples/news/zero_shot.parquet"
    study = study_of(tmp_path, generation={"methods": []}, sets={"mine": {"file": file}})
    own_data.check_data(study)
    assert own_data.given_sets(study) == [{"method": "mine", "file": file}]
    gone = study_of(tmp_path, generation={"methods": []}, sets={"mine": {"file": str(tmp_path / "none.parquet")}})
    refused(lambda: own_data.check_data(gone), "none.parquet: no such file")


# ---- what is otherwise for a task ----


def test_a_task_can_have_its_own_source_sizes_and_settings(tmp_path: Path) -> None:
    own = {"source": "boolq", "generation": {"n": 7}, "sizes": {"human": [0, 9], "synthetic": [3]}, "training": {"seeds": 2}}
    study = study_of(tmp_path, tasks=["news", "passage"], generation={"per_reply": 2}, per_task={"passage": own})
    (_, news), (_, passage) = schema.studies_by_task(study).values()
    assert (news.source, news.generation.n, news.sizes.human, news.training.seeds) == (None, 24, [], 3)
    assert (passage.source, passage.generation.n, passage.generation.per_reply) == ("boolq", 7, 2)
    assert (passage.sizes.human, passage.training.seeds, passage.budgets) == ([0, 9], 2, news.budgets)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"per_task": {"riddle": {}}}, ["per_task: 'riddle' is not among the study's tasks (news)"]),
        ({"per_task": {"news": {"seed": 2}}}, ["per_task.news: 'seed' is the same for all tasks"]),
        ({"per_task": {"news": {"budgets": {"budgets": []}}}}, ["per_task.news: budgets: budgets and shares go together"]),
        ({"sets": {"Mine!": SET}}, ["sets", "small letters", "'Mine!'"]),
        ({"sets": {"labeled_by_us": SET}}, ["sets", "not labeled_...", "'labeled_by_us'"]),
        ({"sets": {"one_shot": SET}}, ["sets: 'one_shot' is a method of 01"]),
        ({"sets": {"mine": {"file": "a.csv", "teacher": "m"}}}, ["sets.mine: price missing", "only a Parquet file of 01 or 02"]),
        ({"sets": {"mine": SET | {"price": 0}}}, ["sets.mine.price", "greater than 0"]),
        ({"per_task": {"news": {"generation": {"m": 3}}}}, ["per_task.news: generation.m: unknown key"]),
        ({"per_task": {"news": {"sizes": {"human": [3]}}}}, ["per_task.news: sizes: human and synthetic go together"]),
        ({"budgets": {}}, ["nothing to train: give budgets and shares, or sizes"]),
        ({"sizes": {"human": [-1], "synthetic": [0]}}, ["sizes.human", "0 or more"]),
        ({"sizes": {"totals": [10], "parts": [2]}}, ["sizes.parts", "between 0 and 1"]),
        (
            {"generation": {"methods": ["one_shot"], "rephrase": ["zero_shot"]}},
            ["rephrase: 'zero_shot' is not among the methods"],
        ),
        ({"generation": {"methods": ["one_shot", "one_shot"]}}, ["generation.methods", "named twice"]),
        ({"generation": {"rephrase": ["zero_shto"]}}, ["generation.rephrase", "unknown method 'zero_shto'"]),
    ],
)
def test_a_mistake_in_what_is_otherwise(tmp_path: Path, change: dict[str, Any], said: list[str]) -> None:
    refused(lambda: schema.read_study(write(tmp_path, GOOD | change)), *said)


def test_too_few_raw_examples_are_said_before_anything_is_paid_for(tmp_path: Path) -> None:
    study = study_of(tmp_path, raw=2, generation={"methods": ["few_shot_5"]})
    refused(lambda: own_data.check_data(study), "'few_shot_5' shows human examples, but the first 2", "raise `raw`")


def test_a_way_of_asking_that_is_for_base_models_alone_is_checked_with_its_teacher(tmp_path: Path) -> None:
    study = study_of(tmp_path, generation={"methods": ["base_then_refine"], "refiner": "editor"})
    own_data.check_data(study, "local")
    refused(lambda: own_data.check_data(study, "gpt-4o"), "'base_then_refine' needs a teacher that continues a text")


def test_budgets_are_spent_on_sets_that_there_are(tmp_path: Path) -> None:
    for name in ("zero_shot", "labeled_zero_shot"):
        asked = {"labeling": {"n": 9}, "budgets": GOOD["budgets"] | {"budget_methods": [name]}}
        assert schema.studies_by_task(study_of(tmp_path, **asked))
    wrong = study_of(tmp_path, labeling={"n": 9}, budgets=GOOD["budgets"] | {"budget_methods": ["zero_shoot"]})
    refused(
        lambda: schema.studies_by_task(wrong),
        "budgets.budget_methods: no 'zero_shoot' among the study's sets",
        "labeled_zero_shot",
    )


@pytest.mark.parametrize(("task", "name"), [("path", "own"), ("own", "path"), ("path", "path"), ("news", "data/tasks/news.yaml")])
def test_per_task_names_a_task_by_its_card_s_name_or_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, name: str
) -> None:
    monkeypatch.setattr(paths, "TASKS", tmp_path / "tasks")
    (tmp_path / "tasks").mkdir()
    text = (paths.ROOT / "data" / "tasks" / "news.yaml").read_text(encoding="utf-8")
    (tmp_path / "tasks" / "news.yaml").write_text(text, encoding="utf-8")
    card = tmp_path / "tasks" / "own.yaml"
    card.write_text(text.replace("name: news", "name: own"), encoding="utf-8")
    task, name = (str(card) if value == "path" else value for value in (task, name))
    study = study_of(tmp_path, tasks=[task], per_task={name: {"raw": 7}})
    [(_, own)] = schema.studies_by_task(study).values()
    assert own.raw == 7


def test_per_task_names_a_task_once(tmp_path: Path) -> None:
    twice = {"news": {"raw": 7}, "data/tasks/news.yaml": {"raw": 8}}
    refused(lambda: study_of(tmp_path, per_task=twice), "per_task: 'data/tasks/news.yaml' and 'news' are one task")


# ---- money, before anything runs ----


def study_of(folder: Path, **change: Any) -> schema.Study:
    return schema.read_study(write(folder, GOOD | change))


def test_tasks_of_every_kind_with_fixed_labels_are_taken_and_planned(tmp_path: Path) -> None:
    fixed = {"emotion": "text", "entailment": "pair", "passage": "passage_yesno", "strategy": "yesno", "claims": "yesno"}
    study = study_of(tmp_path, tasks=list(fixed))
    assert {name: card.kind for name, card in schema.cards(study).items()} == fixed
    own_data.check_data(study)
    parts = {part.split(" ")[1] for part, asked in dry_run._plans(study).items() if asked.requests}
    assert parts == set(fixed)


SPANS = {"name": "places", "kind": "spans", "sources": {"own": {"files": {"train": "none.jsonl"}}}}


TREE, DIALOGUES = {"methods": ["tree"]}, {"methods": ["dialogues"]}


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        ("news", {"generation": {"methods": ["one_shot"], "raw_source": "mine"}}, "generation.raw_source: there is no source 'mine': its card names reference"),
        ("news", {"vary": {"raw_source": ["reference", "mine"]}}, "vary: 'raw_source' cannot be varied"),
        ("riddle", {}, "'riddle' (multiple_choice): 01 cannot write by 'zero_shot'; of this kind there is one_shot, few_shot_3, few_shot_5, few_shot, fixed, random, contrastive, similar, tree."),
        ("riddle", {"generation": TREE, "labeling": {"methods": ["few_shot"], "n": 9}}, "02 cannot label by 'few_shot'; of this kind there is zero_shot."),
        ("places", {"generation": TREE}, "'places' (spans): 01 cannot write by 'tree'; of this kind there is zero_shot, zero_shot_topic, one_shot, few_shot_3, few_shot_5, few_shot, attributes."),
        ("places", {"labeling": {"methods": ["three_steps"], "n": 9}}, "02 cannot label by 'three_steps'; of this kind there is zero_shot, few_shot."),
        ("places", {"labeling": {"written": ["zero_shot"]}}, "'places' (spans): 02 labels nothing that 01 wrote of this kind: leave out its `written`."),
        ("frames", {}, "'frames' (frames): 01 cannot write by 'zero_shot'; of this kind there is dialogues."),
        ("frames", {"generation": DIALOGUES, "labeling": {"n": 9}}, "02 cannot label by 'zero_shot'; of this kind there is three_steps, one_step."),
        ("frames", {"generation": DIALOGUES, "labeling": {"n": 0}}, "nobody labels its dialogues: `labeling: {written: [dialogues]}`."),
        ("news", {"labeling": {"n": 0, "written": ["tree"]}}, "labeling.written: 'tree' is not among the sets of 01."),
    ],
)  # fmt: skip
def test_what_could_not_be_asked_is_refused_before_anything_is_paid_for(
    tmp_path: Path, task: str, change: dict[str, Any], said: str
) -> None:
    given = write(tmp_path, CARD | SPANS, "places.yaml") if task == "places" else task
    refused(lambda: schema.cards(study_of(tmp_path, tasks=[given], **change)), said)


def test_what_01_wrote_is_labeled_or_its_answers_asked_for_again(tmp_path: Path) -> None:
    both = {
        "frames": {
            "generation": DIALOGUES,
            "labeling": {"n": 4, "methods": ["three_steps", "one_step"], "written": ["dialogues"]},
        }
    }
    study = study_of(tmp_path, tasks=["frames", "riddle"], generation=TREE, labeling={"n": 0, "written": ["tree"]}, per_task=both)
    of_frames, of_riddle = (own.methods for _, own in schema.studies_by_task(study).values())
    assert of_frames == ["labeled_three_steps", "labeled_one_step", "dialogues_three_steps", "dialogues_one_step"]
    assert of_riddle == ["tree", "tree_checked"]
    asked = {name: len(part.requests) for name, part in dry_run._plans(study).items()}
    assert asked["02 frames dialogues_three_steps"] == 3 * study.of("frames").generation.n
    assert asked["02 riddle tree_checked"] == study.of("riddle").generation.n


def test_how_a_study_trains(tmp_path: Path) -> None:
    given = {"max_tokens": 64, "dev_share": 0.2, "device": "cuda", "also_test": ["claims", "garden"]}
    training = study_of(tmp_path, training=given).training
    assert training.model_dump().items() >= given.items()


def test_a_source_that_a_card_does_not_have(tmp_path: Path) -> None:
    refused(lambda: schema.cards(study_of(tmp_path, source="sst2")), "'news' has no source 'sst2'", "reference, nyt")


def test_a_free_teacher_needs_a_price_for_its_examples(tmp_path: Path) -> None:
    free = {"token_prices": {"own": {"input": 0, "output": 0}}}
    refused(lambda: dry_run.check_teacher(study_of(tmp_path, **free), "own"), "'own' costs nothing", "synthetic_price")
    priced = free | {"budgets": GOOD["budgets"] | {"synthetic_price": 0.001}}
    dry_run.check_teacher(study_of(tmp_path, **priced), "own")
    dry_run.check_teacher(study_of(tmp_path), "recorded")
    refused(lambda: dry_run.check_teacher(study_of(tmp_path), "own"), "No price is known for model 'own'")


@pytest.mark.parametrize(("given", "budget"), [(None, 2.5), (7, 7.0), ("0.5", 0.5), (0, 0.0)])
def test_the_budget_of_a_run_goes_before_that_of_the_study(tmp_path: Path, given: object, budget: float) -> None:
    assert dry_run.budget_of(study_of(tmp_path, budget=2.5), given) == budget


@pytest.mark.parametrize("given", ["abc", -1, "nan", "inf"])
def test_a_budget_that_is_none(tmp_path: Path, given: object) -> None:
    refused(lambda: dry_run.budget_of(study_of(tmp_path), given), "A budget is a number of dollars from 0 up", repr(given))


def test_a_teacher_that_may_cost_money_needs_a_budget(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    dry_run.check_budget(study, "recorded", None)
    dry_run.check_budget(study, "gpt-4o-mini", 1.0)
    refused(lambda: dry_run.check_budget(study, "gpt-4o-mini", None), "'gpt-4o-mini'", "BUDGET=5")


def test_a_free_teacher_needs_no_budget_in_a_dry_run_nor_in_a_real_one(tmp_path: Path) -> None:
    prices = {"token_prices": {"m": {"input": 0, "output": 0}}, "budgets": GOOD["budgets"] | {"synthetic_price": 0.001}}
    study = study_of(tmp_path, **prices)
    dry_run.check_teacher(study, "m")
    dry_run.check_budget(study, "m", None)
    assert dry_run.cost_lines(study, "m", None) == ["  costs nothing, as token_prices say, and needs no BUDGET"]


def test_a_dry_run_needs_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    study = study_of(tmp_path, tasks=["sentiment"], source="sst2")
    lines = dry_run.cost_lines(study, "gpt-4o-mini", 5.0)
    assert any("data not at hand" in line for line in lines)
    assert "Highest cost: $" in lines[-1]


def test_local_data_are_read_before_anything_is_paid_for(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("text,label\na headline,sprots\n")
    card = yaml.safe_load((paths.TASKS / "news.yaml").read_text())
    card["sources"] = {"ours": {"files": {"train": str(tmp_path / "own.csv"), "test": str(tmp_path / "own.csv")}}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(card))
    refused(lambda: own_data.check_data(study_of(tmp_path, tasks=[str(tmp_path / "own.yaml")])), "own.csv, row 1", "'sprots'")
    own_data.check_data(study_of(tmp_path))
