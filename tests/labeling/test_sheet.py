"""A blinded sheet: what annotators see says nothing of the source, the key joins back, and what comes back is counted right."""

import csv
import io
import itertools
import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from asking import PRICES, prompt
from endpoint import completion, serving
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from lib.core import paths
from lib.core.metrics import krippendorff_alpha
from lib.core.tasks import Card
from lib.labeling.settings import SheetPrices, SheetSettings
from lib.labeling.sheet import run_sheet
from lib.labeling.sheet_files import read_answers, save_for_annotators
from lib.labeling.sheet_items import SheetItem, SheetKey, draw_sheet, read_key, save_key
from lib.labeling.sheet_results import sheet_results

LABELS = {"kind": "means well", "rude": "does not", "neither": "says nothing of it"}


def card_at(folder: Path, texts: list[str]) -> Card:
    """A task whose people's set is a file in this folder."""
    rows = [{"id": f"original-{i}", "text": text, "label": list(LABELS)[i % 3]} for i, text in enumerate(texts)]
    write_lines(folder / "human_secret.jsonl", rows)
    return Card(
        name="tone",
        kind="text",
        description="say whether a remark is kind.",
        fields={"text": "a remark"},
        labels=LABELS,
        family="tone",
        human_price={"dollars": 0.1, "source": "a test"},  # type: ignore[arg-type]
        sources={"own": {"files": dict.fromkeys(("train", "test"), str(folder / "human_secret.jsonl"))}},  # type: ignore[dict-item]
    )


def write_lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def key_of(*rows: tuple[str, str], questions: tuple[str, ...] = ("label",)) -> SheetKey:
    """A key with an item for each source and label."""
    items = [
        SheetItem(
            item=f"abc123-{i:03d}",
            texts={"text": f"remark {i}"},
            options=list(LABELS),
            source=source,
            id=f"original-{i}",
            label=label,
            written_by="person" if source == "people" else "model",
        )
        for i, (source, label) in enumerate(rows, start=1)
    ]
    return SheetKey(sheet="abc123", task="news", questions=list(questions), items=items)  # type: ignore[arg-type]


def fill(path: Path, key: SheetKey, rows: list[list[Any]], *more: str) -> Path:
    """A sheet as it comes back: the answers of each item, and further columns."""
    lines = [["item", *key.questions, *more], *([item.item, *row] for item, row in zip(key.items, rows, strict=True))]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


# ---- blinding ----

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip), min_size=9, max_size=15)


@settings(max_examples=25)
@given(texts=TEXTS, seed=st.integers(0, 9), n=st.integers(2, 6))
def test_a_sheet_hides_its_sources_and_its_key_joins_back(texts: list[str], seed: int, n: int) -> None:
    texts = [f"{i}: {text}" for i, text in enumerate(texts)]  # Else some could be the same but for case.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        card = card_at(folder, texts[:6])
        written = [{"id": f"original-{i}", "text": text, "label": "rude"} for i, text in enumerate(texts[6:], start=50)]
        file = write_lines(folder / "zebra_secret.jsonl", written)
        key = draw_sheet(card, ["people", file], SheetSettings(n=n, seed=seed))
        table, page = (path.read_text(encoding="utf-8-sig") for path in save_for_annotators(folder / "out", card, key))
        key = read_key(save_key(folder / "key.json", key))
        for text in (table, page):
            assert not re.search("secret|original-|zebra|people", text)
        origin = {("people", f"original-{i}"): text for i, text in enumerate(texts[:6])}
        origin |= {("zebra_secret", row["id"]): row["text"] for row in written}
        rows = {row["item"]: row for row in csv.DictReader(io.StringIO(table, newline=""))}
        assert list(rows) == [item.item for item in key.items]
        for item in key.items:
            assert rows[item.item]["text"].removeprefix("'") == item.texts["text"] == origin[item.source, item.id]
            assert rows[item.item]["label"] == ""
        assert sorted(Counter(item.source for item in key.items).values()) == [n // 2, n - n // 2]
        answers = fill(folder / "anna.csv", key, [[item.label] for item in key.items])
        [anna] = read_answers(key, [answers])
        assert list(anna.table.label) == [item.label for item in key.items]


def test_the_seed_draws_items_and_order(tmp_path: Path) -> None:
    card = card_at(tmp_path, [f"remark {i}" for i in range(40)])
    file = write_lines(tmp_path / "model.jsonl", [{"text": f"words {i}", "label": "kind"} for i in range(40)])
    first, again, other = (draw_sheet(card, ["people", file], SheetSettings(n=40, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert {item.id for item in first.items} != {item.id for item in other.items}
    assert first.sheet != other.sheet
    # Neither sorted by source nor one after the other.
    order = [item.source for item in first.items]
    assert order != sorted(order)
    assert 5 < sum(a != b for a, b in itertools.pairwise(order)) < 39


def test_a_text_of_two_sources_stands_on_the_sheet_once(tmp_path: Path) -> None:
    card = card_at(tmp_path, ["same words", "others", "c"])
    file = write_lines(tmp_path / "model.jsonl", [{"text": text, "label": "kind"} for text in ("Same  words", "a", "b")])
    key = draw_sheet(card, ["people", file], SheetSettings(n=4))
    assert len({" ".join(item.texts["text"].lower().split()) for item in key.items}) == 4


@pytest.mark.parametrize(
    ("sources", "changes", "said"),
    [
        (["people"], {}, "mixes two sources or more, and here is only people"),
        (
            ["people", "model.jsonl"],
            {"n": 60},
            "model: the sheet needs 30 texts that no other source has, and there are 3: lower n",
        ),
    ],
)
def test_a_sheet_that_cannot_be(tmp_path: Path, sources: list[str], changes: dict[str, Any], said: str) -> None:
    card = card_at(tmp_path, [f"remark {i}" for i in range(40)])
    write_lines(tmp_path / "model.jsonl", [{"text": f"words {i}", "label": "kind"} for i in range(3)])
    with pytest.raises(ValueError, match=said):
        draw_sheet(card, [name if name == "people" else str(tmp_path / name) for name in sources], SheetSettings(**changes))


def test_a_sheet_asks_for_labels_where_there_are_some(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"Examples of task 'frames' \(frames\) have no label each: ask written_by or quality"):
        run_sheet(["make", "frames", "--folder", str(tmp_path / "a"), "--n", "4"])
    run_sheet(["make", "frames", "--folder", str(tmp_path / "a"), "--n", "4", "--questions", "quality", "written_by"])
    key = read_key(tmp_path / "a" / "key.json")
    assert all(len(item.texts["dialogue"].splitlines()) > 5 and not item.options for item in key.items)
    run_sheet(["make", "commonsense", "--folder", str(tmp_path / "b"), "--n", "12"])
    key = read_key(tmp_path / "b" / "key.json")
    assert all(item.label in item.options and len(item.options) == 5 for item in key.items)
    assert "an embedded one, which a language model wrote" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="holds the key of a sheet already"):
        run_sheet(["make", "commonsense", "--folder", str(tmp_path / "b")])
    with pytest.raises(SystemExit, match="questions.0: Input should be 'label', 'written_by' or 'quality'"):
        run_sheet(["make", "commonsense", "--folder", str(tmp_path / "c"), "--questions", "nonsense"])


def test_a_field_called_like_a_column_of_the_sheet_is_refused(tmp_path: Path) -> None:
    card = card_at(tmp_path, ["a", "b"]).model_copy(update={"fields": {"seconds": "how long"}})
    with pytest.raises(ValueError, match="A sheet has a column 'seconds' of its own: rename that field of task 'tone'"):
        draw_sheet(card, [], SheetSettings())


# ---- what comes back ----


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_sheet_from_any_spreadsheet_is_read(tmp_path: Path, separator: str, mark: str) -> None:
    key = key_of(("people", "kind"), ("people", "rude"), ("m", "rude"), questions=("label", "quality"))
    lines = [["text", "item", "label", "quality"], ['"=x"', "abc123-003", " RUDE ", "5.0"]]
    lines += [["x", "abc123-001", "3", ""], ["x", "abc123-002", "", "2"], ["", "", "", ""]]
    (tmp_path / "ben.csv").write_text(mark + "\r\n".join(map(separator.join, lines)), encoding="utf-8")
    [ben] = read_answers(key, [tmp_path / "ben.csv"])
    assert ben.annotator == "ben"
    assert ben.table.to_dict("list") == {"label": ["neither", None, "rude"], "quality": [None, "2", "5"]}
    assert (ben.seconds, ben.dollars) == (None, None)


ROWS = {f"abc123-{i:03d}": "kind" for i in (1, 2, 3)}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (list(ROWS.items())[:2], "a.csv: no row for item abc123-003; a row that is not answered stays, empty."),
        ([*ROWS.items(), ("abc123-002", "rude")], "a.csv: rows 2 and 4 are both item abc123-002; leave one of them."),
        (
            [("999999-001", "kind"), *ROWS.items()],
            "a.csv, row 1: item '999999-001' is of another sheet (999999), and this key is that of abc123: read it with its own key.",
        ),
        ([*ROWS.items(), ("abc123-004", "")], "a.csv, row 4: there is no item 'abc123-004' in sheet abc123; ids stay as they were given."),
        ([*ROWS.items(), ("", "kind")], "a.csv, row 4: there is no item '' in sheet abc123; ids stay as they were given."),
        (
            list((ROWS | {"abc123-002": "nice"}).items()),
            "a.csv, row 2 (abc123-002): label 'nice' is none of kind, rude, neither, nor the number of one (1 to 3).",
        ),
        (list((ROWS | {"abc123-002": "0"}).items()), "a.csv, row 2 (abc123-002): label '0' is none of kind, rude, neither, nor"),
        (list(dict.fromkeys(ROWS, " ").items()), "a.csv: nothing is answered in it."),
        ([], "a.csv: no rows in it."),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_said_in_one_sentence(tmp_path: Path, rows: list[tuple[str, str]], said: str) -> None:
    key = key_of(("people", "kind"), ("people", "rude"), ("m", "rude"))
    (tmp_path / "a.csv").write_text("item,label\n" + "".join(f"{item},{label}\n" for item, label in rows), encoding="utf-8")
    with pytest.raises(ValueError) as error:
        read_answers(key, [tmp_path / "a.csv"])
    assert said in str(error.value)


def test_files_that_are_no_sheets(tmp_path: Path) -> None:
    key = key_of(("people", "kind"), ("m", "rude"))
    with pytest.raises(ValueError, match="gone.csv: no such file"):
        read_answers(key, [tmp_path / "gone.csv"])
    (tmp_path / "a.csv").write_bytes("item,label\nabc123-001,größer\n".encode("latin-1"))
    with pytest.raises(ValueError, match="a.csv: not UTF-8 text .*; save it as CSV UTF-8"):
        read_answers(key, [tmp_path / "a.csv"])
    (tmp_path / "a.csv").write_text("item,wrong\nabc123-001,kind\n")
    with pytest.raises(ValueError, match="a.csv: no column 'label'; a sheet that is filled in has item, label"):
        read_answers(key, [tmp_path / "a.csv"])
    good = fill(tmp_path / "a.csv", key, [["kind"], ["kind"]])
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="Two files are called a: a file is named after its annotator"):
        read_answers(key, [good, shutil.copy(good, tmp_path / "other")])
    fill(tmp_path / "a.csv", key, [["kind", 3], ["kind", -1]], "seconds")
    with pytest.raises(ValueError, match="a.csv, row 2: seconds '-1' is no number from 0 up"):
        read_answers(key, [good])
    (tmp_path / "key.json").write_text('{"sheet": "abc123"}')
    with pytest.raises(ValueError, match="key.json is no key of a sheet .task: missing"):
        read_key(tmp_path / "key.json")


# ---- what is counted ----


def test_error_rates_have_wilson_s_interval_and_differences_newcombe_s(tmp_path: Path) -> None:
    """The example of Newcombe (1998): 56 of 70 less 48 of 80 is .20, from .0524 to .3339."""
    key = key_of(*[("m", "kind")] * 70, *[("people", "kind")] * 80)
    answers = [["rude"]] * 56 + [["kind"]] * 14 + [["rude"]] * 48 + [["kind"]] * 32
    tables = sheet_results(key, read_answers(key, [fill(tmp_path / "a.csv", key, answers)]), SheetPrices())
    model, people = (row._asdict() for row in tables["sources"].itertuples())
    assert (model["source"], model["n"], people["source"], people["n"]) == ("m", 70, "people", 80)
    assert [model["value"], model["low"], model["high"]] == pytest.approx([0.8, 0.692, 0.877], abs=5e-4)
    differences = [model[name] for name in ("more_than_people", "more_low", "more_high")]
    assert differences == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)
    assert np.isnan(people["more_than_people"])
    assert len(tables["differing"]) == 104


def test_krippendorff_s_alpha_is_that_of_his_example() -> None:
    """Four observers, twelve units, gaps (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability): .743 and .849."""
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
    counts = np.array([[unit.count(value) for value in range(1, 6)] for unit in zip(*observers, strict=True)])
    values = np.arange(5.0)
    assert krippendorff_alpha(counts, 1 - np.eye(5)) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(counts, np.subtract.outer(values, values) ** 2) == pytest.approx(0.849, abs=5e-4)
    assert np.isnan(krippendorff_alpha(np.array([[2, 0], [3, 0]]), 1 - np.eye(2)))


def test_agreement_of_two_people_and_a_teacher(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    key = key_of(*[("people", "kind"), ("m", "rude")] * 20, questions=("label", "quality"))
    given = {name: [[list(LABELS)[rng.integers(3)], rng.integers(1, 6)] for _ in key.items] for name in ("anna", "ben", "gpt")}
    given["ben"][0] = ["", ""]
    files = [fill(tmp_path / f"{name}.csv", key, rows) for name, rows in given.items() if name != "gpt"]
    files.append(fill(tmp_path / "gpt.csv", key, [[*row, 0.01] for row in given["gpt"]], "dollars"))
    tables = sheet_results(key, read_answers(key, files), SheetPrices(wage=30, minutes=12))
    rows = {(row["question"], row["first"], row["second"]): row for row in tables["agreement"].to_dict("records")}
    pair = rows["label", "anna", "ben"]
    both = [(a[0], b[0]) for a, b in zip(given["anna"], given["ben"], strict=True) if b[0]]
    assert pair["n"] == 39
    assert pair["kappa"] == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)))
    assert pair["kappa_low"] < pair["kappa"] < pair["kappa_high"]
    assert pair["equal"] == pytest.approx(sum(a == b for a, b in both) / 39)
    assert -0.5 < rows["label", "people together", ""]["alpha"] < 0.5
    assert rows["quality", "people together", ""]["n"] == 39
    assert rows["label", "gpt", "labels of the sources"]["n"] == 40
    assert ("label", "gpt", "people together") in rows
    assert not {("label", name, "people together") for name in ("anna", "ben")} & rows.keys()
    # The teacher is no part of what people say together, which is where both say the same, and all that Anna alone says.
    together = tables["sources"].query("annotator == 'people together' and measure == 'another label'")
    assert together.n.sum() == sum(a == b for a, b in both) + 1
    costs = tables["costs"].set_index("annotator")
    assert costs.dollars.to_dict() == pytest.approx({"anna": 6, "ben": 6, "gpt": 0.4})
    assert costs.loc["ben", "dollars_an_item"] == pytest.approx(6 / 39)


def test_one_says_a_model_wrote_all_and_it_is_said_for_each_source(tmp_path: Path) -> None:
    key = key_of(*[("people", "kind")] * 5, *[("m", "rude")] * 5, questions=("written_by", "quality"))
    [anna] = read_answers(key, [fill(tmp_path / "anna.csv", key, [["model", 2]] * 5 + [["2", 4]] * 5)])
    tables = sheet_results(key, [anna], SheetPrices())
    assert list(tables["sources"].value) == [1, 1, 4, 2]
    assert list(tables["agreement"].columns[:3]) == ["question", "first", "second"]
    assert tables["costs"].minutes.isna().all()
    assert tables["differing"].empty


def test_choices_are_compared_by_their_place(tmp_path: Path) -> None:
    run_sheet(["make", "commonsense", "--folder", str(tmp_path), "--n", "12"])
    key = read_key(tmp_path / "key.json")
    for name in ("anna", "ben"):
        fill(tmp_path / f"{name}.csv", key, [[item.options.index(item.label) + 1] for item in key.items])
    tables = sheet_results(key, read_answers(key, [tmp_path / "anna.csv", tmp_path / "ben.csv"]), SheetPrices())
    assert set(tables["agreement"].kappa.dropna()) == {1.0}
    assert set(tables["sources"].value) == {0.0}


# ---- the whole way, with a teacher ----


def test_a_teacher_and_a_person_fill_the_same_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_sheet(["make", "news", "--folder", str(tmp_path), "--n", "16", "--questions", "label", "written_by", "quality"])
    key = read_key(tmp_path / "key.json")
    assert key.sources[-1] != "people"
    answers = {"Which label": "sports", '"person"': "model", '"1" (of no use': "4"}

    def answer(body: dict[str, Any], number: int) -> Any:
        said = next(label for words, label in reversed(answers.items()) if words in prompt(body))
        return completion(json.dumps({"label": said}))

    with serving(answer) as served:
        access = {"base_url": served.url, "token_prices": PRICES, "store": str(tmp_path / "store.sqlite")}
        ask = ["ask", str(tmp_path / "key.json"), "--teacher", "m", "--budget", "1", "--access", json.dumps(access)]
        run_sheet(ask)
        with pytest.raises(SystemExit, match="costs money"):
            run_sheet([*ask[:4], *ask[6:]])
        asked = len(served.bodies)
        run_sheet([*ask, "--method", "few_shot", "--output", str(tmp_path / "shown.csv")])
    assert asked == 3 * len(key.items)
    assert not any(re.search("few_shot|zero_shot|news-test", prompt(body)) for body in served.bodies)
    assert sum("Examples with their labels" in prompt(body) for body in served.bodies[asked:]) == len(key.items)
    table = pd.read_csv(tmp_path / "m.csv")
    assert list(table) == ["item", "label", "written_by", "quality", "dollars"]
    assert (set(table.label), set(table.written_by), set(table.quality)) == ({"sports"}, {"model"}, {4})
    fill(tmp_path / "anna.csv", key, [[item.label, item.written_by, 5, 9] for item in key.items], "seconds")
    run_sheet(["read", *map(str, (tmp_path / "key.json", tmp_path / "anna.csv", tmp_path / "m.csv")), "--wage", "20"])
    said = capsys.readouterr().out
    assert "16 items in" in said
    costs = pd.read_csv(tmp_path / "costs.csv").set_index("annotator")
    assert costs.loc["anna", "dollars"] == pytest.approx(16 * 9 / 3600 * 20)
    assert costs.loc["m", "dollars"] == pytest.approx(table.dollars.sum())
    assert {row.value for row in pd.read_csv(tmp_path / "sources.csv").itertuples() if row.annotator == "anna"} == {0, 1, 5}
    with pytest.raises(SystemExit, match="no key of a sheet"):
        run_sheet(["read", str(tmp_path / "costs.json"), str(tmp_path / "anna.csv")])


# ---- the page ----


class Page(HTMLParser):
    """The elements of a page, those that are still open, and the scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.open, self.scripts = list[tuple[str, dict[str, str | None]]](), list[str](), dict[str, str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open += [tag] * (tag not in ("meta", "input"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts[dict(self.tags)["script"].get("type") or "code"] = data


HOSTILE = '</script><script>alert(1)</script> & "quoted" <b>bold</b>'


def page_of(folder: Path, key: SheetKey) -> Page:
    file = save_for_annotators(folder, card_at(folder, ["a", "b"]), key)[1]
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    page.close()
    return page


def hostile_key() -> SheetKey:
    key = key_of(*[("people", "kind"), ("m", "rude")] * 2, questions=("label", "quality"))
    return key.model_copy(
        update={"items": [item.model_copy(update={"texts": {"text": f"{HOSTILE} {item.id}"[:57]}}) for item in key.items]}
    )


def test_a_page_is_one_whole_file_and_its_texts_stay_texts(tmp_path: Path) -> None:
    page = page_of(tmp_path, hostile_key())
    assert page.open == []
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not any(name in attributes for _, attributes in page.tags for name in ("src", "href", "action"))
    assert not re.search("https?:|fetch|XMLHttp|innerHTML|eval", page.scripts["code"])
    [policy] = [attributes["content"] for _, attributes in page.tags if attributes.get("http-equiv")]
    assert str(policy).startswith("default-src 'none'")
    items = json.loads(page.scripts["application/json"])["items"]
    assert {item["texts"]["text"] for item in items} == {HOSTILE[:57]}
    used = set(re.findall(r'byId\("(\w+)"\)', page.scripts["code"]))
    assert used <= {attributes.get("id") for _, attributes in page.tags}


DRIVER = """
const vm = require("vm"), fs = require("fs");
const { code, data, stored, keys } = JSON.parse(fs.readFileSync(0, "utf8"));
class Node {
  constructor(tag) { Object.assign(this, { tag, children: [], listeners: {}, attributes: {}, textContent: "", value: "" }); }
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  setAttribute(name, value) { this.attributes[name] = value; }
  scrollIntoView() {}
  click() { this.tag === "a" ? saved.push({ name: this.download, text: this.href }) : this.listeners.click(); }
  words() { return this.textContent + this.children.map((node) => node.words()).join(""); }
}
const nodes = {}, saved = [], store = stored;
const byId = (id) => nodes[id] ??= new Node(id);
byId("sheet").textContent = data;
const listeners = {};
const document = { getElementById: byId, createElement: (tag) => new Node(tag), hidden: false,
  addEventListener: (name, listener) => listeners[name] = listener };
const localStorage = { getItem: (name) => store[name] ?? null,
  setItem: (name, value) => { if (store.full) throw new Error("full"); store[name] = value; } };
let clock = 0;
const world = { document, localStorage, confirm: () => true, Date: { now: () => clock }, Blob: class { constructor(parts) { this.text = parts.join(""); } },
  URL: { createObjectURL: (blob) => blob.text } };
vm.runInNewContext(code, world);
const seen = [];
for (const key of keys) {
  clock += 2000;
  if (key.startsWith("#")) byId(key.slice(1)).click();
  else if (key.startsWith("name ")) { byId("who").value = key.slice(5); byId("who").listeners.input(); }
  else listeners.keydown({ key, target: null, preventDefault() {} });
  seen.push({ place: byId("place").textContent, item: byId("item").words(), lost: byId("lost").hidden === false });
}
console.log(JSON.stringify({ saved, store, seen }));
"""


def driven(page: Page, keys: list[str], stored: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the page's script does as these keys are pressed, #buttons clicked."""
    given = {"code": page.scripts["code"], "data": page.scripts["application/json"], "keys": keys, "stored": stored or {}}
    done = subprocess.run(["node", "-e", DRIVER], input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not there to run the page's script")


@needs_node
def test_the_keys_of_a_page_answer_and_its_file_is_read_back(tmp_path: Path) -> None:
    key = hostile_key()
    page = page_of(tmp_path, key)
    keys = ["name Anna O'Neil", "2", "5", "9", "1", "4", "ArrowLeft", "3", "ArrowRight", "1", "2", "#save"]
    result = driven(page, keys)
    places = [seen["place"] for seen in result["seen"]]
    assert places[:6] == ["1 of 4, 0 answered"] * 2 + ["2 of 4, 1 answered"] * 3 + ["3 of 4, 2 answered"]
    assert places[6:] == ["2 of 4, 2 answered"] * 2 + ["3 of 4, 2 answered"] * 2 + ["4 of 4, 3 answered"] * 2
    assert HOSTILE[:57] in result["seen"][0]["item"]
    [saved] = result["saved"]
    assert saved["name"] == "Anna_O_Neil.csv"
    (tmp_path / saved["name"]).write_text(saved["text"], encoding="utf-8", newline="")
    [anna] = read_answers(key, [tmp_path / saved["name"]])
    assert anna.table.label.tolist() == ["rude", "neither", "kind", None]
    assert anna.table.quality.tolist() == ["5", "4", "2", None]
    assert anna.seconds == 2 * len(keys)
    # Opened again, the page goes on where it was; 4 and later have no answer, and the last item ends it.
    later = driven(page, ["4", "1", "1", "#open", "#back", "#clear"], result["store"])
    assert [seen["place"] for seen in later["seen"]] == ["4 of 4, 3 answered"] * 2 + ["4 answered"] * 1 + [
        "1 of 4, 4 answered"
    ] * 2 + ["1 of 4, 0 answered"]
    assert "All are answered" in later["seen"][2]["item"]


@needs_node
def test_a_page_that_cannot_store_says_so(tmp_path: Path) -> None:
    result = driven(page_of(tmp_path, hostile_key()), ["1", "1", "#save"], {"full": True})
    assert result["seen"][0]["lost"]
    assert len(result["saved"]) == 1


def test_the_page_is_installed_with_the_package() -> None:
    assert '"lib.labeling" = ["*.html"]' in (paths.ROOT / "pyproject.toml").read_text(encoding="utf-8")
