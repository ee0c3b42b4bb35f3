"""Which example sets 03 and 04 look at, what they are called and what they cost."""

import json
from pathlib import Path
from typing import Any

from refusing import refused

from lib import diversity, plotting
from lib.core import artifacts, example_sets
from lib.core.artifacts import ExampleSet
from lib.core.mixes import NONE, Offer, Prices, cells
from lib.core.set_names import SetName
from lib.core.tasks import load, read_card
from lib.teacher.settings import Access
from lib.training.plan import _by_labels, pools_for, runs_of, scores_of
from lib.training.settings import Mixes, Students

WRITTEN, LABELED = SetName("zero_shot"), SetName("", labels_by="zero_shot")


def saved(folder: Path, file: str, name: SetName, teacher: str = "m", **parameters: Any) -> str:
    rows = [{"id": f"{file}-{number}", "text": "a", "label": "arts", "method": name.key} for number in range(2)]
    step = artifacts.Step("01_generation", parameters)
    artifacts.save_set(folder / file, rows, step=step, name=name, teacher=teacher, bill={"dollars": 0.5}, human_shown=["h"])
    return str(folder / file)


def test_sets_by_method(tmp_path: Path) -> None:
    files = [saved(tmp_path, "a.parquet", WRITTEN), saved(tmp_path, "b.parquet", LABELED)]
    found = example_sets.example_sets(read_card("news"), files)
    assert [(name, one.method, one.price) for name, one in found.items()] == [
        ("zero_shot", "zero_shot", 0.25),
        ("labeled_zero_shot", "labeled_zero_shot", 0.25),
    ]


def read(*given: example_sets.Given) -> dict[str, ExampleSet]:
    return example_sets.example_sets(read_card("news"), given)


def test_two_teachers_of_one_method_stand_side_by_side(tmp_path: Path) -> None:
    files = [saved(tmp_path, f"{teacher}.parquet", WRITTEN, teacher, temperature=1.0) for teacher in ("gpt-4o", "local")]
    found = read(*files)
    assert {key: (one.teacher, one.name.levels) for key, one in found.items()} == {
        "zero_shot_gpt_4o": ("gpt-4o", (("teacher", "gpt-4o"),)),
        "zero_shot_local": ("local", (("teacher", "local"),)),
    }
    assert [plotting.named(key) for key in found] == ["zero-shot, gpt-4o", "zero-shot, local"]
    assert len({plotting.color(key) for key in found}) == 2


def test_two_settings_of_one_teacher_stand_side_by_side(tmp_path: Path) -> None:
    """What is no setting (paths, money, how many) does not set sets apart, and the seed only where nothing else does."""
    settings = [{"temperature": 1.0, "max_tokens": None, "seed": 1}, {"temperature": 1.3, "max_tokens": 99, "seed": 2}]
    plain = [{"output": "a", "budget": 1.0, "n": 2}, {"output": "b", "budget": 2.0, "n": 4}]
    files = [saved(tmp_path, f"{k}.parquet", WRITTEN, **plain[k], **settings[k]) for k in (0, 1)]
    assert list(read(*files)) == ["zero_shot_temperature_1", "zero_shot_temperature_1_3"]
    assert plotting.named("zero_shot_temperature_1_3") == "zero-shot, temperature 1.3"
    seeds = [saved(tmp_path, f"seed {k}.parquet", WRITTEN, seed=k) for k in (1, 2)]
    assert list(read(*seeds)) == ["zero_shot_seed_1", "zero_shot_seed_2"]


def test_a_factorial_design_names_both_factors(tmp_path: Path) -> None:
    cells = [("a", 1.0), ("a", 1.3), ("b", 1.0)]
    files = [saved(tmp_path, f"{k}.parquet", WRITTEN, who, temperature=value) for k, (who, value) in enumerate(cells)]
    assert list(read(*files)) == ["zero_shot_a_temperature_1", "zero_shot_a_temperature_1_3", "zero_shot_b_temperature_1"]


def test_two_sets_that_nothing_sets_apart_are_refused_with_the_remedy(tmp_path: Path) -> None:
    files = [saved(tmp_path, name, WRITTEN, temperature=1.0, n=n) for n, name in enumerate(("a.parquet", "b.parquet"))]
    refused(lambda: read(*files), *files, "both zero_shot by m", "no setting of theirs differs", "method: zero_shot_2")
    assert list(read(files[0], {"file": files[1], "method": "zero_shot_2"})) == ["zero_shot", "zero_shot_2"]


def test_a_parquet_file_of_01_with_a_name_of_ones_own_keeps_its_price_and_teacher(tmp_path: Path) -> None:
    file = saved(tmp_path, "a.parquet", WRITTEN, "gpt-4o")
    [mine] = read({"file": file, "method": "mine"}).values()
    assert (mine.method, mine.price, mine.teacher, mine.shown, mine.shown_ids) == ("mine", 0.25, "gpt-4o", 1, {"h"})
    [mine] = read({"file": file, "method": "mine", "price": 0.1, "teacher": "t", "shown": 0}).values()
    assert (mine.price, mine.teacher, mine.shown) == (0.1, "t", 0)
    [labels] = read({"file": saved(tmp_path, "b.parquet", LABELED), "method": "ours"}).values()
    assert (labels.method, labels.name.of_human_texts) == ("labeled_ours", True)


def test_every_parameter_of_access_is_no_setting_of_a_set() -> None:
    """But for the way of asking: a base model is asked otherwise, and one that thinks may be given room for it."""
    assert set(Access.model_fields) - example_sets._NO_SETTINGS == {"completion", "reasoning_tokens"}


def test_a_table_renamed_without_its_json_names_the_json(tmp_path: Path) -> None:
    file = saved(tmp_path, "a.parquet", WRITTEN)
    (tmp_path / "other.json").write_text("[1, 2]")
    (tmp_path / "broken.json").write_text("{")
    renamed = str(Path(file).rename(tmp_path / "mine.parquet"))
    refused(lambda: read(renamed), "mine.json is missing", "If the table was renamed, rename", "a.json", "with it")
    refused(lambda: read({"file": renamed, "method": "mine"}), "mine.json is missing", "a.json")
    (tmp_path / "a.json").unlink()
    refused(lambda: read(renamed), "mine.json is missing", "together with the table")


def test_two_teachers_of_one_method_go_through_03_and_04(tmp_path: Path) -> None:
    """As a researcher would: two files of 01, to both notebooks."""
    demo = artifacts.load_set(example_sets.paths.EXAMPLES / "news" / "zero_shot.parquet")
    files = []
    for teacher, dollars in {"gpt-4o": 0.5, "local": 0.1}.items():
        files.append(str(tmp_path / f"{teacher}.parquet"))
        step, bill = artifacts.Step("01_generation", {}), {"dollars": dollars}
        artifacts.save_set(files[-1], demo.rows[::9], step=step, name=demo.name, teacher=teacher, bill=bill)
    card, keys = read_card("news"), ["zero_shot_gpt_4o", "zero_shot_local"]
    texts = diversity.read_texts(card, files, source=None, encoder="all-MiniLM-L6-v2", seed=1)
    assert list(texts.written) == keys
    assert "gpt-4o, local" in texts.note
    pools = pools_for(card, None, examples=files)
    mixes = Mixes(human_sizes=[0], synthetic_sizes=[16])
    scores = scores_of(pools, runs_of(pools, mixes, seeds=1), students=Students(), kept=str(tmp_path / "kept.jsonl"), workers=1)
    assert dict(zip(scores.method, scores.teacher, strict=True)) == dict(zip(keys, ["gpt-4o", "local"], strict=True))
    assert scores.set_levels.tolist() == ['{"teacher": "gpt-4o"}', '{"teacher": "local"}']
    assert scores.synthetic_price.tolist() == [0.5 / 23, 0.1 / 23]


def test_no_files_means_those_of_the_demo() -> None:
    found = example_sets.example_sets(read_card("news"), None)
    written = ["zero_shot", "zero_shot_topic", "few_shot_5", "attributes"]
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


def test_a_set_from_elsewhere_says_which_one_it_corrects(tmp_path: Path) -> None:
    (tmp_path / "bought.csv").write_text("text,label\nA goal at last,sports\n", encoding="utf-8")
    given = {"file": str(tmp_path / "bought.csv"), "teacher": "m", "price": 0.1, "corrects": "mine"}
    [(key, found)] = example_sets.example_sets(read_card("news"), [given | {"method": "mine_corrected"}]).items()
    assert (key, found.name) == ("mine_corrected", SetName("mine", derived=("corrected",)))
    refused(
        lambda: example_sets.example_sets(read_card("news"), [given | {"method": "better"}]),
        "The example set better corrects mine: call it mine_corrected",
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
