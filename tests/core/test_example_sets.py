"""Which example sets 03 and 04 look at, what they are called and what they cost."""

import json
from pathlib import Path

from refusing import refused

from lib.core import artifacts, example_sets
from lib.core.artifacts import ExampleSet
from lib.core.mixes import NONE, Offer, Prices, cells
from lib.core.set_names import SetName
from lib.core.tasks import load, read_card
from lib.training.plan import _by_labels

WRITTEN, LABELED = SetName("zero_shot"), SetName("", labels_by="zero_shot")


def saved(folder: Path, file: str, name: SetName) -> str:
    rows = [{"text": "a", "label": "b", "method": name.key}] * 2
    artifacts.save_set(folder / file, rows, step=artifacts.Step("01", {}), name=name, teacher="m", bill={"dollars": 0.5})
    return str(folder / file)


def test_sets_by_method(tmp_path: Path) -> None:
    files = [saved(tmp_path, "a.parquet", WRITTEN), saved(tmp_path, "b.parquet", LABELED)]
    found = example_sets.example_sets(read_card("news"), files)
    assert [(name, one.method, one.price) for name, one in found.items()] == [
        ("zero_shot", "zero_shot", 0.25),
        ("labeled_zero_shot", "labeled_zero_shot", 0.25),
    ]


def test_two_sets_of_one_method_are_refused(tmp_path: Path) -> None:
    files = [saved(tmp_path, name, WRITTEN) for name in ("a.parquet", "b.parquet")]
    refused(lambda: example_sets.example_sets(read_card("news"), files), "Two example sets are of one method", *files)


def test_no_files_means_those_of_the_demo() -> None:
    found = example_sets.example_sets(read_card("news"), None)
    written = ["zero_shot", "zero_shot_topic", "one_shot", "few_shot_3", "few_shot_5", "attributes"]
    assert sorted(found) == sorted([*written, "labeled_zero_shot"])
    assert all(one.rows and one.price > 0 and one.teacher == "recorded" for one in found.values())


def test_a_task_without_recordings_has_no_sets() -> None:
    assert {task: example_sets.example_sets(read_card(task), None) for task in ("claims", "riddle")} == {
        "claims": {},
        "riddle": {},
    }


def test_people_alone_get_the_whole_of_every_budget_that_is_theirs() -> None:
    """At 0.39 dollars a claim; what would go to the teacher buys nothing."""
    card = read_card("claims")
    [(name, alone)] = example_sets.people_alone(card).items()
    assert (name, alone.method, alone.rows, alone.teacher) == (NONE, NONE, [], "none")
    prices = Prices(card.human_price.dollars, alone.price)
    found = list(cells(name, [0.3, 3.9, 390], shares=[0, 0.5, 1], offer=Offer(prices, (160, len(alone.rows)))))
    assert [(cell.budget, cell.share, cell.n_human, cell.n_synthetic) for cell in found] == [
        (3.9, 0, 10, 0),
        (3.9, 0.5, 5, 0),
        (390, 0, 160, 0),
        (390, 0.5, 160, 0),
    ]
    assert {cell.method for cell in found} == {NONE}


def test_a_set_from_elsewhere_is_read_in_the_columns_of_the_source(tmp_path: Path) -> None:
    card = read_card("passage")
    rows = [{"passage": "p", "question": f"q{i}", "answer": i % 2 == 0, "more": 1} for i in range(3)]
    (tmp_path / "GPT-4 (new).jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    [(name, found)] = example_sets.example_sets(card, [str(tmp_path / "GPT-4 (new).jsonl")], "boolq").items()
    assert (name, found.teacher, [row["label"] for row in found.rows]) == ("gpt_4_new", "GPT-4 (new)", ["yes", "no", "yes"])
    assert {row["source"] for row in found.rows} == {"synthetic"}
    assert example_sets.prices_of(card, {name: found}, human_price=None, synthetic_price=0.01) == {
        name: Prices(card.human_price.dollars, 0.01)
    }
    refused(
        lambda: example_sets.prices_of(card, {name: found}, human_price=None, synthetic_price=None),
        "price of a synthetic example is not known",
        "synthetic_price",
    )


def test_a_set_from_elsewhere_can_be_given_with_what_is_known_of_it(tmp_path: Path) -> None:
    card, file = read_card("news"), str(tmp_path / "a b.csv")
    Path(file).write_text("text,label\na,sports\nb,arts\n")
    [one] = example_sets.example_sets(
        card, [{"method": "mine", "file": file, "teacher": "gpt-4", "price": 0.02, "shown": 7}]
    ).values()
    assert (one.method, one.teacher, one.price, one.shown, len(one.rows)) == ("mine", "gpt-4", 0.02, 7, 2)
    [name] = example_sets.example_sets(card, [{"file": file, "teacher": "gpt-4", "price": 0.02}])
    assert name == "a_b"
    assert example_sets.files_of([file, {"file": "b.csv"}]) == [file, "b.csv"]
    refused(
        lambda: example_sets.example_sets(card, [{"method": "mine", "file": file, "teacher": "m"}]), "example set mine", "price"
    )


def test_recordings_are_of_the_embedded_set_and_stand_beside_no_other() -> None:
    card = read_card("news")
    assert example_sets.example_sets(card, None, "nyt") == example_sets.example_sets(card, []) == {}
    assert example_sets.example_sets(card, None, card.default_source).keys() == example_sets.example_sets(card, None).keys()


# ---- labels of human texts ----


def test_a_set_from_elsewhere_is_no_labels_of_human_texts_whatever_its_file_is_called(tmp_path: Path) -> None:
    """It stays among the written sets, and no human example leaves the pool for it; its rows have ids of their own."""
    card = read_card("news")
    (tmp_path / "labeled_by_vendor.csv").write_text("text,label\na,sports\nb,arts\n")
    sets = example_sets.example_sets(card, [str(tmp_path / "labeled_by_vendor.csv")])
    human = load(card).to_list()
    assert list(example_sets.written_sets(card, sets)) == ["labeled_by_vendor"]
    assert _by_labels(human, sets) == (human, [])
    assert [row["id"] for row in sets["labeled_by_vendor"].rows] == ["labeled_by_vendor-0000", "labeled_by_vendor-0001"]


def test_labels_of_human_texts_are_no_set_that_the_teacher_wrote_but_labels_of_its_own_are() -> None:
    card, rows = read_card("news"), [{"id": "a"}]
    sets = {one.key: ExampleSet(one, rows, 0.1, "m") for one in (LABELED, SetName("dialogues", labels_by="three_steps"))}
    assert list(sets) == ["labeled_zero_shot", "dialogues_three_steps"]
    assert list(example_sets.written_sets(card, sets)) == ["dialogues_three_steps"]
    sets.pop("dialogues_three_steps")
    refused(lambda: example_sets.written_sets(card, sets), "no example sets that a teacher wrote")


def test_every_set_of_the_demo_has_the_name_of_its_file() -> None:
    for path in sorted(example_sets.paths.EXAMPLES.glob("*/*.parquet")):
        one = artifacts.load_set(path)
        assert (one.method, {row["method"] for row in one.rows}) == (path.stem, {path.stem})
