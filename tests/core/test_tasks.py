"""The task cards, and the ways that their data may come in: embedded, from the hub's columns, from files of one's own."""

import csv
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from lib.core import paths, tasks

KINDS = {
    "sentiment": "text",
    "emotion": "text",
    "news": "text",
    "review": "text",
    "abstract": "text",
    "clause": "text",
    "helpdesk": "text",
    "entailment": "pair",
    "passage": "passage_yesno",
    "commonsense": "multiple_choice",
    "riddle": "multiple_choice",
    "strategy": "yesno",
    "claims": "yesno",
    "frames": "frames",
}
PUBLIC = {"piqa": "multiple_choice", "winogrande": "multiple_choice", "pubmedqa": "passage_yesno"}
"""Those without an embedded set."""
WITHOUT_PASSAGE = {"closed_passage": "yesno"}
"""The embedded set of another card, read otherwise."""
_PAIRED = ("tweet_sentiment", "crowdflower_emotion", "hyperbole", "question_intimacy", "politeness", "empathy", "imdb", "agnews")
_INTENTS = ("snips_intent", "bank_intent", "kinit_topic", "kinit_intent")
ELSEWHERE = dict.fromkeys([*_PAIRED, *_INTENTS], "text") | {"mitmovie": "spans", "mitrestaurant": "spans", "risec": "frames"}
"""Those whose files lie in the folder that REAL_DATA names."""
CARDS = {task: tasks.read_card(task) for task in KINDS | PUBLIC | WITHOUT_PASSAGE | ELSEWHERE}
EMBEDDED = {task: CARDS[task] for task in KINDS}

# ---- the cards ----


def test_every_card_is_known() -> None:
    assert tasks.names() == sorted(CARDS)


@pytest.mark.parametrize(("task", "kind"), (KINDS | PUBLIC | WITHOUT_PASSAGE | ELSEWHERE).items())
def test_card_is_complete(task: str, kind: str) -> None:
    card = CARDS[task]
    assert (card.name, card.kind) == (task, kind)
    assert (card.default_source == "reference") == (task not in PUBLIC | ELSEWHERE)
    assert card.topic_prompt
    assert not card.topic_prompt.endswith(".")
    assert all([*card.fields.values(), *card.labels.values(), *card.roles.values()])
    metrics = {"frames": ("trigger_weighted_f1", "argument_weighted_f1"), "spans": ("micro_f1",)}
    assert card.metric in metrics.get(kind, ("accuracy", "macro_f1"))
    assert card.human_price.assumed == (task != "sentiment")
    assert len(card.sources) > (task not in PUBLIC | ELSEWHERE) or task == "frames"


@pytest.mark.parametrize("task", KINDS)
def test_prompt_words_hold_no_example(task: str) -> None:
    """Whole examples of the reference set must not reach the teacher by way of the card."""
    words = paths.TASKS.joinpath(f"{task}.yaml").read_text(encoding="utf-8").lower()
    for split in ("train", "test"):
        for row in tasks.load(CARDS[task], split):
            for field in CARDS[task].fields:
                assert row[field].lower() not in words


@pytest.mark.parametrize("source", [s for card in CARDS.values() for s in card.sources.values() if s.hub], ids=lambda s: s.hub)
def test_hub_sources_are_pinned(source: tasks.Source) -> None:
    by_branch = {"INK-USC/riddle_sense", "coastalcph/lex_glue"}
    assert re.fullmatch(r"[0-9a-f]{40}", source.revision) or source.hub in by_branch


def test_families_pair_up() -> None:
    families: dict[str, set[str]] = {}
    for task, card in CARDS.items():
        families.setdefault(card.family, set()).add(task)
    assert families["multiple_choice"] == {"commonsense", "riddle"}
    assert families["two_choices"] == {"piqa", "winogrande"}
    assert families["open_book"] == {"passage", "pubmedqa"}
    assert families["closed_book"] == {"strategy", "claims", "closed_passage"}


# ---- the embedded sets ----


def datasheet() -> list[tuple[str, str, int]]:
    """Task, split and size, as the datasheet says."""
    text = (paths.ROOT / "data" / "reference" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \|.*\| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    more = re.findall(r"`(garden|ja)` \((\d+)", text)
    named = [(task, split, int(n)) for task, *sizes in rows for split, n in zip(("train", "test"), sizes, strict=True)]
    return named + [("frames", split, int(n)) for split, n in more]


def test_datasheet_lists_every_split() -> None:
    splits = {(task, split) for task, card in EMBEDDED.items() for split in card.sources["reference"].files}
    assert {(task, split) for task, split, _ in datasheet()} == splits


@pytest.mark.parametrize(("task", "split", "size"), datasheet())
def test_embedded_split(task: str, split: str, size: int) -> None:
    card = CARDS[task]
    data = tasks.load(card, split)
    assert isinstance(data, Dataset)
    assert (len(data), len(set(data["id"]))) == (size, size)
    lists = card.task_kind.lists
    assert data.column_names == ["id", *card.fields, *lists, *([] if card.kind == "frames" else ["label"])]
    if card.kind == "multiple_choice":
        assert all(row["label"] in row["choices"] and len(set(row["choices"])) == 5 for row in data)
    elif card.kind != "frames":
        assert Counter(data["label"]) == dict.fromkeys(card.labels, size // len(card.labels))


def test_embedded_sets_share_no_text() -> None:
    for card in EMBEDDED.values():
        seen = [tuple(row[field] for field in card.fields) for split in ("train", "test") for row in tasks.load(card, split)]
        assert card.name == "frames" or len(seen) == len(set(seen))


def test_frames_use_every_type_and_role() -> None:
    frames = [frame for row in tasks.load(CARDS["frames"]) for frame in row["frames"]]
    assert {frame["type"] for frame in frames} == set(CARDS["frames"].labels)
    assert {argument["role"] for frame in frames for argument in frame["arguments"]} == set(CARDS["frames"].roles)


# ---- the hub, from a folder laid out like it ----

CHOICES = {"label": list("ABCDE"), "text": ["sun", "sea", "sky", "sand", "salt"]}
ABSTRACT = {"contexts": ["First part.", "Second part."], "labels": ["AIM", "RESULTS"]}
HUB: list[tuple[str, str, str, dict[str, list[dict[str, Any]]], list[Any]]] = [
    # task, source, folder on the hub, rows in the hub's own columns, labels that we expect of the test split
    (
        "sentiment",
        "sst2",
        "nyu-mll/glue/sst2",
        {"train": [{"idx": 0, "sentence": "dull", "label": 0}], "validation": [{"idx": 0, "sentence": "fine", "label": 1}]},
        ["positive"],
    ),
    (
        "emotion",
        "twitter_emotion",
        "dair-ai/emotion/split",
        {"train": [{"text": "i weep", "label": 0}], "test": [{"text": "oh", "label": 5}, {"text": "i adore it", "label": 2}]},
        ["surprise", "love"],
    ),
    (
        "news",
        "nyt",
        "dstefa/New_York_Times_Topics",
        {
            "train": [
                {"text": f"Show {i}", "topic_name": "Arts, Culture, and Entertainment", "topic_id": 1.0} for i in range(2001)
            ],
        },
        ["arts"] * 2000,
    ),
    (
        "review",
        "amazon",
        "yyu/amazon-attrprompt",
        {
            "train": [{"_id": 17, "text": "a page is missing"}],
            "test": [{"_id": i, "text": f"it broke {i}"} for i in range(23)],
        },
        ["kitchen", "electronics", "garden", "clothing", "toys", "books"],
    ),
    (
        "abstract",
        "pubmed_rct",
        "armanc/pubmed-rct20k",
        {
            "train": [{"abstract_id": "1", "label": "background", "text": "Sleep is poor .", "sentence_id": 0}],
            "test": [
                {"abstract_id": "2", "label": label, "text": f"A sentence {label} .", "sentence_id": 1}
                for label in ("objective", "methods", "results", "conclusions")
            ],
        },
        ["objective", "methods", "results", "conclusions"],
    ),
    (
        "clause",
        "ledgar",
        "coastalcph/lex_glue/ledgar",
        {
            "train": [{"text": "Notices go to the office.", "label": 65}, {"text": "No party may assign.", "label": 7}],
            "test": [{"text": f"Clause {i}.", "label": i} for i in (88, 8, 20, 99, 47, 50, 49)],
        },
        ["termination", "assignment", "confidentiality", "governing_law", "indemnity", "indemnity"],
    ),
    (
        "helpdesk",
        "newsgroups",
        "SetFit/20_newsgroups",
        {
            "train": [
                {"text": "My drive clicks.", "label": 3, "label_text": "comp.sys.ibm.pc.hardware"},
                {"text": " \n", "label": 3, "label_text": "comp.sys.ibm.pc.hardware"},
                {"text": "A fast car.", "label": 7, "label_text": "rec.autos"},
            ],
            "test": [
                {"text": f"How do I {i}?", "label": i, "label_text": name}
                for i, name in enumerate(
                    ["comp.graphics", "comp.os.ms-windows.misc", "comp.sys.mac.hardware", "comp.windows.x", "alt.atheism"]
                )
            ],
        },
        ["graphics", "windows", "mac", "linux_desktop"],
    ),
    (
        "crowdflower_emotion",
        "twitter_emotion",
        "dair-ai/emotion/split",
        {"train": [{"text": "i weep", "label": 0}], "test": [{"text": "i laugh", "label": 1}]},
        ["happiness"],
    ),
    (
        "entailment",
        "rte",
        "nyu-mll/glue/rte",
        {
            "train": [{"idx": 0, "sentence1": "It rained.", "sentence2": "It was wet.", "label": 0}],
            "validation": [{"idx": 0, "sentence1": "It rained.", "sentence2": "It snowed.", "label": 1}],
        },
        ["not_entailment"],
    ),
    (
        "passage",
        "boolq",
        "google/boolq",
        {
            "train": [{"question": "is it", "answer": False, "passage": "It is not."}],
            "validation": [{"question": "is it", "answer": True, "passage": "It is."}],
        },
        ["yes"],
    ),
    (
        "closed_passage",
        "boolq",
        "google/boolq",
        {
            "train": [{"question": "is it", "answer": False, "passage": "It is not."}],
            "validation": [{"question": "is it", "answer": True, "passage": "It is."}],
        },
        ["yes"],
    ),
    (
        "pubmedqa",
        "pubmedqa",
        "qiaojin/PubMedQA/pqa_labeled",
        {
            "train": [
                {"pubid": i, "question": "Does it?", "context": ABSTRACT, "long_answer": "", "final_decision": "maybe"}
                for i in range(501)
            ]
        },
        ["no"] * 500,
    ),
    (
        "commonsense",
        "commonsense_qa",
        "tau/commonsense_qa",
        {
            "train": [{"id": "a", "question": "Q?", "question_concept": "q", "choices": CHOICES, "answerKey": "A"}],
            "validation": [{"id": "b", "question": "Q?", "question_concept": "q", "choices": CHOICES, "answerKey": "E"}],
        },
        ["salt"],
    ),
    (
        "piqa",
        "piqa",
        "ybisk/piqa",
        {
            "train": [{"goal": "Dry it", "sol1": "shake", "sol2": "soak", "label": 0}],
            "validation": [{"goal": "Wet it", "sol1": "shake", "sol2": "soak", "label": 1}],
        },
        ["soak"],
    ),
    (
        "winogrande",
        "winogrande",
        "allenai/winogrande/winogrande_xs",
        {
            "train": [{"sentence": "_ won.", "option1": "Ann", "option2": "Bo", "answer": "1"}],
            "validation": [{"sentence": "_ lost.", "option1": "Ann", "option2": "Bo", "answer": "2"}],
        },
        ["Bo"],
    ),
    (
        "riddle",
        "riddle_sense",
        "INK-USC/riddle_sense",
        {
            "train": [{"answerKey": "C", "question": "Who am I?", "choices": CHOICES}],
            "validation": [{"answerKey": "B", "question": "Who am I?", "choices": CHOICES}],
        },
        ["sea"],
    ),
    (
        "strategy",
        "strategyqa",
        "ChilleD/StrategyQA",
        {
            "train": [{"qid": "s1", "question": "Could it?", "answer": True, "facts": "It could."}],
            "test": [{"qid": "s2", "question": "Could it?", "answer": False, "facts": "It could not."}],
        },
        ["no"],
    ),
    (
        "claims",
        "creak",
        "amydeng2000/CREAK",
        {
            "train": [{"ex_id": "c1", "sentence": "Ice is hot.", "label": "false", "entity": "Ice"}],
            "validation": [{"ex_id": "c2", "sentence": "Ice is cold.", "label": "true", "entity": "Ice"}],
        },
        ["yes"],
    ),
]


def write_hub(folder: Path, splits: dict[str, list[dict[str, Any]]]) -> None:
    folder.mkdir(parents=True)
    for split, rows in splits.items():
        Dataset.from_list(rows).to_parquet(folder / f"{split}.parquet")


def test_every_hub_source_is_tried() -> None:
    known = {(task, name) for task, card in CARDS.items() for name, source in card.sources.items() if source.hub}
    assert {(task, source) for task, source, *_ in HUB} == known


@pytest.mark.parametrize(("task", "source", "folder", "splits", "labels"), HUB, ids=[row[1] for row in HUB])
def test_hub_source(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    source: str,
    folder: str,
    splits: dict[str, list[dict[str, Any]]],
    labels: list[str],
) -> None:
    write_hub(tmp_path / folder, splits)
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    train, test = (tasks.load(CARDS[task], split, source) for split in ("train", "test"))
    assert test["label"] == labels
    fields = ["id", *CARDS[task].fields, *CARDS[task].task_kind.lists, "label"]
    assert train.column_names == test.column_names == fields
    assert len(train) == 1


def test_rows_without_text_are_refused_or_dropped(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\nOne,sports\n ,arts\n", encoding="utf-8")
    card = CARDS["news"]
    for empty, said in (("refuse", "row 2: (field|column) 'text' is empty"), ("drop", "")):
        source = tasks.Source(files={"train": str(tmp_path / "train.csv")}, empty=empty)  # type: ignore[arg-type]
        own = card.model_copy(update={"sources": {"own": source}})
        if said:
            with pytest.raises(ValueError, match=said):
                tasks.load(own)
        else:
            assert tasks.load(own)["text"] == ["One"]


def test_list_column_becomes_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hub(tmp_path / "qiaojin/PubMedQA/pqa_labeled", next(row[3] for row in HUB if row[1] == "pubmedqa"))
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    assert tasks.load(CARDS["pubmedqa"], "train", "pubmedqa")[0]["passage"] == "First part.\nSecond part."


def test_a_test_split_that_is_there_needs_no_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"pubid": 1, "question": "Does it?", "context": ABSTRACT, "final_decision": "yes"}
    write_hub(tmp_path / "qiaojin/PubMedQA/pqa_labeled", {"train": [row], "test": [row, row]})
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    assert [len(tasks.load(CARDS["pubmedqa"], split)) for split in ("train", "test")] == [1, 2]


def test_mirror_without_the_config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hub(tmp_path / "dair-ai/emotion", {"train": [{"text": "i weep", "label": 0}]})
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    assert tasks.load(CARDS["emotion"], "train", "twitter_emotion")["label"] == ["sadness"]


@pytest.mark.parametrize(
    ("folder", "said"),
    [("nyu-mll/glue/sst2", r"HUB_MIRROR has no folder .*glue.rte"), ("nyu-mll/glue/rte", r"rte.train\.parquet: no such file")],
)
def test_mirror_lacks_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, said: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("HUB_MIRROR", str(tmp_path))
    with pytest.raises(ValueError, match=said):
        tasks.load(CARDS["entailment"], "train", "rte")


REAL = os.environ.get("REAL_DATA")


@pytest.mark.skipif(not REAL, reason="REAL_DATA names no folder with hub/ inside")
@pytest.mark.parametrize(("task", "source", "folder"), [row[:3] for row in HUB], ids=[row[1] for row in HUB])
def test_real_hub_source(monkeypatch: pytest.MonkeyPatch, task: str, source: str, folder: str) -> None:
    hub = Path(str(REAL), "hub")
    if not any(list((hub / at).glob("*.parquet")) for at in (folder, str(CARDS[task].sources[source].hub))):
        pytest.skip(f"no copy of {folder}")
    monkeypatch.setenv("HUB_MIRROR", str(hub))
    train, test = (tasks.load(CARDS[task], split, source) for split in ("train", "test"))
    assert min(len(train), len(test)) > 100
    if CARDS[task].labels:
        assert set(train["label"]) == set(test["label"])
        assert task in ELSEWHERE or set(test["label"]) == set(CARDS[task].labels)


@pytest.mark.skipif(not REAL, reason="REAL_DATA names no folder with pairs/ and frames/ inside")
@pytest.mark.parametrize("task", ELSEWHERE)
def test_real_files(task: str) -> None:
    train, test = (tasks.load(CARDS[task], split).to_list() for split in ("train", "test"))
    assert min(len(train), len(test)) > 30
    assert {answer for row in train for answer in CARDS[task].task_kind.labels_of(row)["label"]} == set(CARDS[task].labels)


# ---- events that point into spans ----

RECIPE: dict[str, Any] = {
    "id": "7_Tea",
    "text": "Boil water.\nPour it.",
    "spans": [{"start": 0, "end": 4}, {"start": 5, "end": 10}, {"start": 12, "end": 16}],
    "events": [
        {"type": "AC", "trigger": 0, "args": [{"role": "Arg1_PPT", "span": 1}]},
        {"type": "AC", "trigger": 2, "args": [{"role": "Arg1_PPT_X", "span": 0}]},
    ],
}


def recipes(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Dataset:
    (folder / "frames/risec").mkdir(parents=True)
    (folder / "frames/risec/train.jsonl").write_text(json.dumps(RECIPE | changes) + "\n")
    monkeypatch.setenv("REAL_DATA", str(folder))
    return tasks.load(CARDS["risec"])


def test_events_become_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [row] = recipes(tmp_path, monkeypatch)
    assert (row["title"], [turn["text"] for turn in row["turns"]]) == ("7_Tea", [RECIPE["text"]])
    said = [
        (RECIPE["text"][f["trigger"]["start"] : f["trigger"]["end"]], a["role"], RECIPE["text"][a["start"] : a["end"]])
        for f in row["frames"]
        for a in f["arguments"]
    ]
    assert said == [("Boil", "Arg1_PPT", "water"), ("Pour", "Arg1_PPT_X", "Boil")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"events": None}, "events (type, trigger, args"),
        ({"events": [{"type": "AC", "trigger": 9, "args": []}]}, "IndexError"),
        ({"events": [{"type": "AC", "args": []}]}, "KeyError: 'trigger'"),
        ({"spans": [{"start": 0}]}, "KeyError: 'end'"),
        ({"events": [{"type": "CA", "trigger": 0, "args": []}]}, "unknown type 'CA'"),
        ({"spans": [{"start": 0, "end": 99}] * 3}, "no piece of its text"),
    ],
)
def test_mistake_in_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str) -> None:
    refused(lambda: recipes(tmp_path, monkeypatch, **changes), "risec/train.jsonl, row 1", said)


def test_a_folder_that_the_environment_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REAL_DATA", raising=False)
    refused(lambda: tasks.load(CARDS["risec"]), "variable REAL_DATA is not set", "frames/risec/train.jsonl")


def test_another_source_of_a_task_can_be_tested_on() -> None:
    found = tasks.other_tests(CARDS["crowdflower_emotion"], None, ["crowdflower_emotion:twitter_emotion"])
    [(name, one)] = found.items()
    assert (name, one.card.name, one.source, one.split) == ("twitter_emotion", "crowdflower_emotion", "twitter_emotion", "test")
    refused(lambda: tasks.other_tests(CARDS["emotion"], None, ["emotion"]), "'emotion' is there already")


def test_the_answers_of_an_example() -> None:
    spans = {"spans": [{"label": "Dish"}, {"label": "Price"}, {"label": "Dish"}]}
    assert [*CARDS["mitrestaurant"].task_kind.labels_of(spans).values()] == [["Dish", "Price", "Dish"]]
    assert [*CARDS["risec"].task_kind.labels_of({"frames": [{"type": "AC", "arguments": [{"role": "x"}]}]}).values()] == [
        ["AC"],
        ["x"],
    ]
    assert [*CARDS["news"].task_kind.labels_of({"label": "arts"}).values()] == [["arts"]]
    assert [*CARDS["piqa"].task_kind.labels_of({"choices": ["a", "b"], "label": "b"}).values()] == [["choice 2"]]


# ---- files of one's own ----

OWN = """
name: own
kind: {kind}
description: say whether it is good
fields: {fields}
labels: {{good: it is good, bad: it is bad}}
family: own
human_price: {{dollars: 0.1, source: a quote}}
sources: {{mine: {{files: {{train: "{file}"}}, {more}}}}}
"""


def own_card(
    folder: Path, name: str, content: str | bytes, more: str = "", kind: str = "text", fields: str = "{text: a text}"
) -> Path:
    """A card of one's own and its data file, beside each other."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    card = folder / "own.yaml"
    card.write_text(OWN.format(kind=kind, fields=fields, file=(folder / name).as_posix(), more=more), encoding="utf-8")
    return card


def load_own(card: Path, split: str = "train", source: str | None = None) -> Dataset:
    return tasks.load(tasks.read_card(str(card)), split, source)


MAPPED = "columns: {text: body, label: stars}, labels: {5: good, 1: bad}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.csv", 'stars,body\n5,lovely\n1,"no, awful"\n'),
        ("own.csv", '\ufeffstars,body\r\n5,lovely\r\n\r\n1,"no, awful"\r\n'),
        ("own.jsonl", '{"stars": 5, "body": "lovely"}\n\n{"stars": 1, "body": "no, awful", "more": null}\n'),
    ],
    ids=["csv", "csv of a spreadsheet", "jsonl"],
)
def test_columns_and_labels_are_mapped(tmp_path: Path, name: str, content: str) -> None:
    assert load_own(own_card(tmp_path, name, content, MAPPED)).to_list() == [
        {"id": "own-train-0000", "text": "lovely", "label": "good"},
        {"id": "own-train-0001", "text": "no, awful", "label": "bad"},
    ]


def test_parquet_and_ids_of_ones_own(tmp_path: Path) -> None:
    Dataset.from_list([{"key": 7, "text": "lovely", "label": "good"}]).to_parquet(tmp_path / "rows.parquet")
    content = (tmp_path / "rows.parquet").read_bytes()
    assert load_own(own_card(tmp_path, "own.parquet", content, "columns: {id: key}"))["id"] == ["7"]


def test_columns_are_gathered_into_choices(tmp_path: Path) -> None:
    more = "columns: {text: q, choices: [a, b], label: right}, answers: {first: 0, second: 1}"
    data = load_own(
        own_card(tmp_path, "own.csv", "q,a,b,right\nWhat?,salt,sea,second\nWho?,Ann,Bo,Ann\n", more, "multiple_choice")
    )
    assert [(row["choices"], row["label"]) for row in data] == [(["salt", "sea"], "sea"), (["Ann", "Bo"], "Ann")]


def test_others_are_dropped_on_demand(tmp_path: Path) -> None:
    assert load_own(own_card(tmp_path, "own.csv", "text,label\na,good\nb,neutral\n", "others: drop"))["text"] == ["a"]


@pytest.mark.parametrize("held_out", [1, 3, 9])
def test_held_out_rows_become_the_test_split(tmp_path: Path, held_out: int) -> None:
    rows = "text,label\n" + "".join(f"t{i},good\n" for i in range(10))
    card = own_card(tmp_path, "own.csv", rows, f"held_out: {held_out}")
    train, test = load_own(card), load_own(card, "test")
    assert (len(train), len(test)) == (10 - held_out, held_out)
    assert sorted([*train["text"], *test["text"]]) == [f"t{i}" for i in range(10)]
    assert test["text"] == load_own(card, "test")["text"]
    assert not set(train["id"]) & set(test["id"])


PRINTABLE = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs", "Zl", "Zp"]), min_size=1).filter(str.strip)


@given(texts=st.lists(PRINTABLE, min_size=1, max_size=5), suffix=st.sampled_from([".csv", ".jsonl"]), plain=st.booleans())
def test_any_printable_text_survives(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], suffix: str, plain: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"texts{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".csv":
            csv.writer(file).writerows([["text", "label"], *([text, "good"] for text in texts)])
        else:
            file.writelines(json.dumps({"text": text, "label": "good"}, ensure_ascii=plain) + "\n" for text in texts)
    assert load_own(own_card(path.parent, path.name, path.read_bytes()))["text"] == texts


# ---- mistakes ----


def refused(action: Any, *said: str) -> None:
    """The mistake is one sentence, and it says where."""
    with pytest.raises(ValueError) as caught:
        action()
    for part in said:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", ["sentimant", "", "../reference", "none.yaml"])
def test_unknown_task(task: str) -> None:
    refused(lambda: tasks.read_card(task), f"Unknown task {task!r}", "claims, clause, closed_passage, commonsense", ".yaml")


GOOD = OWN.format(kind="text", fields="{text: a text}", file="own.csv", more="")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("family:", "famliy:", ["famliy: unknown key", "family: missing"]),
        ("name: own\n", "", ["name: missing"]),
        ("name: own", "name: My Task", ["name", "'My Task'"]),
        ("kind: text", "kind: txet", ["kind", "'multiple_choice'", "'txet'"]),
        ("kind: text", "kind: [text]", ["kind", "'multiple_choice'"]),
        ("kind: text", "kind: frames", ["frame types", "roles"]),
        ("description: say whether it is good", "description:", ["description", "at least 1 character"]),
        ("{text: a text}", "{text: a text", ["line", "not valid YAML"]),
        ("labels: {good: it is good, bad: it is bad}\n", "", ["labels: a text task needs at least two"]),
        ("bad: it is bad", "good: again", ["line 6", "'good' appears twice"]),
        ("dollars: 0.1", "dollars: free", ["human_price.dollars", "number", "'free'"]),
        ("dollars: 0.1", "dollars: 0", ["human_price.dollars", "greater than 0"]),
        ("dollars: 0.1", "dollars: nan", ["human_price.dollars"]),
        ("files: {train", "hub: a/b, files: {train", ["sources.mine", "either `files` (split: path) or `hub` (org/name)"]),
        ('files: {train: "own.csv"}', "licence: MIT", ["sources.mine", "either `files`"]),
        ('files: {train: "own.csv"}', "hub: ../b/c", ["sources.mine.hub"]),
        ('"own.csv"}', '"own.csv"}, columns: {txt: body}', ["sources.mine.columns: no field 'txt'", "id, text, label"]),
        ('"own.csv"}', '"own.csv"}, labels: {1: fine}', ["sources.mine.labels: no label 'fine'", "good, bad"]),
        ('"own.csv"}', '"own.csv"}, held_out: -1', ["sources.mine.held_out", "greater than or equal to 0"]),
        ("sources: {mine", "sources: {}\nmore: {mine", ["sources", "at least 1 item", "more: unknown key"]),
    ],
)
def test_mistake_in_a_card(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    assert old in GOOD
    path = tmp_path / "own.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    refused(lambda: tasks.read_card(str(path)), "own.yaml", *said)


OF_LABELS = ["accuracy", "macro_f1", "weighted_f1"]
SCORES = {
    **dict.fromkeys(["text", "pair", "passage_yesno", "yesno"], OF_LABELS),
    "multiple_choice": ["accuracy"],
    "spans": ["weighted_f1", "micro_f1", "macro_f1"],
    "frames": [f"{what}_{mean}_f1" for what in ("trigger", "argument") for mean in ("weighted", "micro", "macro")],
}
"""The metrics that a card of each kind can name; the first is taken if it names none."""
EVERY_METRIC = sorted({*(metric for metrics in SCORES.values() for metric in metrics), "f1", "Accuracy", '""'})


def card_of_kind(folder: Path, kind: str, more: str = "") -> Path:
    path = folder / "own.yaml"
    path.write_text(
        GOOD.replace("kind: text", f"kind: {kind}") + f"roles: {{Object: what is acted on}}\n{more}", encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("kind", SCORES)
def test_a_kind_has_its_own_metric_if_the_card_names_none(tmp_path: Path, kind: str) -> None:
    assert tasks.read_card(str(card_of_kind(tmp_path, kind))).metric == SCORES[kind][0]


@pytest.mark.parametrize("metric", EVERY_METRIC)
@pytest.mark.parametrize("kind", SCORES)
def test_a_card_names_a_metric_of_its_kind(tmp_path: Path, kind: str, metric: str) -> None:
    path = str(card_of_kind(tmp_path, kind, f"metric: {metric}\n"))
    if metric in SCORES[kind]:
        assert tasks.read_card(path).metric == metric
    else:
        said = f"metric: no {metric.strip(chr(34))!r}; a {kind} task has {', '.join(SCORES[kind])}"
        refused(lambda: tasks.read_card(path), "own.yaml", said)


@pytest.mark.parametrize(
    ("kind", "said"), [("spans", "a spans task needs its span types"), ("frames", "needs its frame types and its roles")]
)
def test_spans_and_frames_need_their_labels(tmp_path: Path, kind: str, said: str) -> None:
    path = card_of_kind(tmp_path, kind)
    path.write_text(
        path.read_text(encoding="utf-8").replace("labels: {good: it is good, bad: it is bad}\n", ""), encoding="utf-8"
    )
    refused(lambda: tasks.read_card(str(path)), "own.yaml", "labels", said)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("own.csv", "body,label\nlovely,good\n", ["row 1", "no column 'text'", "body, label", "`columns`"]),
        ("own.csv", "text\nlovely\n", ["row 1", "no column 'label'"]),
        ("own.csv", "", ["no rows"]),
        ("own.csv", "text,label\n", ["no rows"]),
        ("own.csv", "text,label\nlovely,good\nmeh,so-so\n", ["row 2", "unknown label 'so-so'", "good, bad", "`labels`"]),
        ("own.csv", "text,label\nlovely,good\n  ,bad\n", ["row 2", "field 'text' is empty"]),
        ("own.csv", "label,text\ngood,well, well\n", ["line 2", "cells of the header", "quote"]),
        ("own.csv", "text,label\nlovely,good\nawful\n", ["line 3", "cells of the header"]),
        ("own.csv", 'text,label\n"lovely,good\nawful,bad\n', ["line 2", "not CSV"]),
        ("own.csv", b"text,label\ncaf\xe9,good\n", ["not UTF-8 text (byte 14", "save it as UTF-8"]),
        ("own.tsv", "text\tlabel\nlovely\tgood\n", ["a data file ends in .jsonl, .csv, .parquet"]),
        ("own.jsonl", "", ["no rows"]),
        ("own.jsonl", '{"text": "a", "label": "good"}\n\n{"text": "b"\n', ["line 3", "not JSON"]),
        ("own.jsonl", '["a", "good"]\n', ["line 1", "not an object"]),
        ("own.jsonl", '{"text": null, "label": "good"}\n', ["row 1", "column 'text' is empty"]),
        ("own.jsonl", '{"text": "a", "label": null}\n', ["row 1", "column 'label' is empty"]),
        ("own.jsonl", '{"text": {"en": "a"}, "label": "good"}\n', ["row 1", "'text' is not text but has en"]),
        ("own.jsonl", '{"text": "\\ud83d", "label": "good"}\n', ["row 1", "lone surrogate"]),
        ("own.jsonl", b'{"text": "caf\xe9", "label": "good"}\n', ["not UTF-8 text"]),
        ("own.parquet", "text,label\n", ["not a Parquet file"]),
    ],
)
def test_mistake_in_a_data_file(tmp_path: Path, name: str, content: str | bytes, said: list[str]) -> None:
    card = own_card(tmp_path, name, content)
    refused(lambda: load_own(card), name, *said)


SPAN = '{"text": "to Rome", "spans": [{"start": %s, "end": %s, "label": "%s"}]}'
FRAME = '{"text": "bread", "turns": [{"text": "I bake"}], "frames": [{"type": "%s", "trigger": %s, "arguments": []}]}'


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("multiple_choice", '{"text": "Q", "choices": ["a", "b"], "label": "c"}', ["label 'c' is not among the choices"]),
        ("multiple_choice", '{"text": "Q", "choices": "a b", "label": "a"}', ["'choices' is not a list", "[a, b]"]),
        ("multiple_choice", '{"text": "Q", "choices": ["a", ""], "label": "a"}', ["field 'choices' is empty"]),
        ("multiple_choice", '{"text": "Q", "label": "a"}', ["no column 'choices'"]),
        ("spans", SPAN % (3, 7, "city"), ["span 1", "unknown label 'city'", "good, bad"]),
        ("spans", SPAN % (3, 8, "good"), ["span 1", "is no piece of its text"]),
        ("spans", SPAN % ('"3"', 7, "good"), ["span 1", "is no piece of its text"]),
        ("spans", '{"text": "to Rome", "spans": "none"}', ["'spans' is not a list"]),
        ("frames", FRAME % ("Bake", '{"turn": 0, "start": 2, "end": 6}'), ["frame 1", "unknown type 'Bake'"]),
        ("frames", FRAME % ("good", '{"turn": 1, "start": 2, "end": 6}'), ["frame 1", "is no piece of its text"]),
        ("frames", FRAME % ("good", '{"turn": -1, "start": 2, "end": 6}'), ["frame 1", "is no piece of its text"]),
        ("frames", FRAME % ("good", "null"), ["frame 1", "None is no piece of its text"]),
    ],
)
def test_mistake_in_lists(tmp_path: Path, kind: str, content: str, said: list[str]) -> None:
    fields = "{text: a text}" + ("\nroles: {Object: what is acted on}" if kind == "frames" else "")
    card = own_card(tmp_path, "own.jsonl", content + "\n", kind=kind, fields=fields)
    refused(lambda: load_own(card), "own.jsonl", "row 1", *said)


@pytest.mark.parametrize(
    ("more", "split", "source", "said"),
    [
        ("", "validation", None, ["No split 'validation'", "train"]),
        ("", "test", None, ["No split 'test'", "train"]),
        ("held_out: 1", "validation", None, ["No split 'validation'"]),
        ("held_out: 1", "test", None, ["held_out asks for 1 of 1 rows"]),
        ("", "train", "theirs", ["'own' has no source 'theirs'", "mine"]),
        ("others: drop, labels: {good: bad}, columns: {label: text}", "train", None, ["source 'mine', split 'train': no rows"]),
    ],
)
def test_mistake_in_what_is_asked(tmp_path: Path, more: str, split: str, source: str | None, said: list[str]) -> None:
    card = own_card(tmp_path, "own.csv", "text,label\nlovely,good\n", more)
    refused(lambda: load_own(card, split, source), *said)


def test_data_file_is_missing(tmp_path: Path) -> None:
    card = own_card(tmp_path, "own.csv", "")
    (tmp_path / "own.csv").unlink()
    refused(lambda: load_own(card), "own.csv: no such file", "root of the repository")
