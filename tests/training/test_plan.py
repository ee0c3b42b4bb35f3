"""Which mixes are trained, and what is known of the examples behind a score row."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused

from lib import plotting
from lib.budget.scores import read_scores
from lib.core import paths
from lib.core.artifacts import ExampleSet, Step, load_set, save_set
from lib.core.example_sets import people_alone
from lib.core.mixes import NONE, Offer, Prices
from lib.core.set_names import SetName, from_columns
from lib.core.tasks import Card, load, load_rows, read_card
from lib.training.mix_draws import Run
from lib.training.plan import _check_unseen, _Mix, _mixes_of, _Pools, _with_facts, device_of_shard, pools_for, runs_of
from lib.training.settings import Mixes, Students
from lib.training.sweep import Evaluation


def test_a_grid_has_each_human_size_with_each_synthetic_one() -> None:
    mixes, beyond = _mixes_of({"m": (10, 10)}, human=[0, 5], synthetic=[0, 4, 8])
    assert mixes == [_Mix("m", 0, 4), _Mix("m", 0, 8), _Mix(NONE, 5, 0), _Mix("m", 5, 4), _Mix("m", 5, 8)]
    assert beyond == []


def test_each_method_has_its_own_mixes_and_human_data_alone_is_counted_once() -> None:
    mixes, _ = _mixes_of({"a": (10, 10), "b": (10, 10)}, human=[0, 5], synthetic=[0, 4])
    assert sorted(mixes) == sorted([_Mix("a", 0, 4), _Mix("b", 0, 4), _Mix(NONE, 5, 0), _Mix("a", 5, 4), _Mix("b", 5, 4)])


@pytest.mark.parametrize(
    ("total", "part", "expected"),
    [
        (40, 0, _Mix(NONE, 40, 0)),
        (40, 0.25, _Mix("m", 30, 10)),
        (40, 1, _Mix("m", 0, 40)),
        (10, 0.33, _Mix("m", 7, 3)),
        (3, 0.1, _Mix(NONE, 3, 0)),  # Less than half an example is none.
        (10, 0.29, _Mix("m", 7, 3)),
    ],
)
def test_a_total_in_parts(total: int, part: float, expected: _Mix) -> None:
    assert _mixes_of({"m": (40, 40)}, human=[], synthetic=[], totals=[total], parts=[part]) == ([expected], [])


def test_every_total_in_every_part() -> None:
    mixes, _ = _mixes_of({"m": (40, 40)}, human=[], synthetic=[], totals=[8, 20], parts=[0, 0.5, 1])
    assert mixes == [_Mix(NONE, 8, 0), _Mix("m", 4, 4), _Mix("m", 0, 8), _Mix(NONE, 20, 0), _Mix("m", 10, 10), _Mix("m", 0, 20)]


def test_a_mix_of_the_grid_that_is_a_part_of_a_total_comes_once() -> None:
    mixes, _ = _mixes_of({"m": (40, 40)}, human=[0, 10], synthetic=[0, 10], totals=[20, 20], parts=[0.5, 0.5, 1])
    assert mixes == [_Mix("m", 0, 10), _Mix(NONE, 10, 0), _Mix("m", 10, 10), _Mix("m", 0, 20)]


def test_what_a_pool_does_not_hold_is_said_method_by_method() -> None:
    mixes, beyond = _mixes_of({"small": (10, 4), "large": (10, 8)}, human=[0, 10, 11], synthetic=[0, 4, 5, 9])
    assert sorted(mixes) == sorted(
        [_Mix(NONE, 10, 0), *(_Mix(name, h, s) for name, s in [("small", 4), ("large", 4), ("large", 5)] for h in (0, 10))]
    )
    assert _Mix(NONE, 11, 0) in beyond
    assert _Mix("small", 0, 5) in beyond
    assert _Mix("large", 0, 9) in beyond
    assert _Mix("large", 11, 4) in beyond
    assert not set(mixes) & set(beyond)


SIZES = st.lists(st.integers(0, 12), max_size=4)


@given(
    pools=st.dictionaries(st.sampled_from("abc"), st.integers(0, 15), min_size=1),
    human_pool=st.integers(0, 15),
    human=SIZES,
    synthetic=SIZES,
    totals=SIZES,
    parts=st.lists(st.floats(0, 1), max_size=3),
)
def test_mixes_are_what_was_asked_for_and_what_the_pools_hold(
    pools: dict[str, int], human_pool: int, human: list[int], synthetic: list[int], totals: list[int], parts: list[float]
) -> None:
    mixes, beyond = _mixes_of(
        {name: (human_pool, size) for name, size in pools.items()}, human=human, synthetic=synthetic, totals=totals, parts=parts
    )
    assert len({*mixes, *beyond}) == len(mixes) + len(beyond)
    for mix in [*mixes, *beyond]:
        assert mix.n_human + mix.n_synthetic > 0
        assert (mix.method == NONE) == (mix.n_synthetic == 0)
        in_grid = mix.n_human in human and mix.n_synthetic in synthetic
        assert in_grid or mix.n_human + mix.n_synthetic in totals
        fits = mix.n_human <= human_pool and mix.n_synthetic <= pools.get(mix.method, 0)
        assert fits == (mix in mixes)
    every = {(mix.n_human, mix.n_synthetic) for mix in [*mixes, *beyond]}
    assert every >= {(h, s) for h in human for s in synthetic if h + s}
    assert {h + s for h, s in every} >= ({total for total in totals if total} if parts else set())


def test_nothing_asked_for_and_nothing_to_ask_of() -> None:
    assert _mixes_of({"m": (9, 9)}, human=[], synthetic=[]) == ([], [])
    assert _mixes_of({"m": (9, 9)}, human=[0], synthetic=[0], totals=[0], parts=[0.5]) == ([], [])
    assert _mixes_of({"m": (9, 9)}, human=[], synthetic=[], totals=[9]) == ([], [])
    assert _mixes_of({}, human=[1], synthetic=[1]) == ([], [])


# ---- what is known of a row ----


def pools_of(card: Card, names: list[SetName]) -> _Pools:
    sets = {
        name.key: ExampleSet(name, [{"id": str(k)} for k in range(5 + n)], 0.1, f"t{n}", 3 * n) for n, name in enumerate(names)
    }
    offers = {key: Offer(Prices(1, one.price), (9, len(one.rows)), one.shown) for key, one in sets.items()}
    return _Pools(card, None, [], 0, True, sets, offers, {})


def test_prices_pools_and_names_reach_the_rows() -> None:
    names = [SetName("tree", start=2, derived=("checked", "random")), SetName("", labels_by="few_shot")]
    card = read_card("news")
    scores = pd.DataFrame({"method": [NONE, *(name.key for name in names)]}, index=[3, 4, 5])
    rows = _with_facts(scores, pools_of(card, names))
    assert rows.human_price.tolist() == [1, 1, 1]
    assert rows.human_pool.tolist() == [9, 9, 9]
    assert rows.human_shown.tolist() == [0, 0, 3]
    assert rows.synthetic_price.tolist()[1:] == [0.1, 0.1]
    assert rows.synthetic_pool.tolist()[1:] == [5, 6]
    assert rows[["synthetic_price", "synthetic_pool"]].iloc[0].isna().all()
    assert [from_columns(row) for row in rows.to_dict("records")] == [None, *names]
    assert rows.teacher.tolist() == ["t0, t1", "t0", "t1"]
    assert set(rows.stand_in) == {True}
    assert set(rows.human_price_assumed) == {card.human_price.assumed}
    assert (rows.data_source.nunique(), rows.index.tolist()) == (1, [3, 4, 5])


def test_repeats_of_a_set_have_one_price_and_the_same_mixes_and_are_one_method_in_05(tmp_path: Path) -> None:
    """The price is that of all repeats together, the pool as large as the smallest of them."""
    demo = load_set(paths.EXAMPLES / "news" / "zero_shot.parquet")
    files = []
    for repeat, (dollars, n) in enumerate([(0.5, 24), (0.4, 12)], start=1):
        files.append(str(tmp_path / f"{repeat}.parquet"))
        name, bill = replace(demo.name, repeat=repeat), {"dollars": dollars}
        save_set(files[-1], demo.rows[:n], step=Step("01_generation", {}), name=name, teacher="m", bill=bill)
    pools = pools_for(read_card("news"), None, examples=files)
    assert list(pools.offers) == ["zero_shot", "zero_shot_repeat_2"]
    [offer] = set(pools.offers.values())
    assert (offer.prices.synthetic, offer.pools[1]) == (0.9 / 36, 12)
    mixes = Mixes(human_sizes=[], synthetic_sizes=[], budgets=[0.9], shares=[0, 0.2], budget_methods=["zero_shot"])
    runs = runs_of(pools, mixes, seeds=1)
    assert [run[:3] for run in runs] == [(NONE, 10, 0), ("zero_shot", 8, 7), ("zero_shot_repeat_2", 8, 7)]
    table = _with_facts(pd.DataFrame(runs).assign(task="news", score=0.5), pools)
    table.to_csv(tmp_path / "scores.csv")
    found = read_scores([str(tmp_path / "scores.csv")])
    assert found[["method", "set_repeat"]].to_numpy().tolist() == [[NONE, 1], ["zero_shot", 1], ["zero_shot", 2]]
    assert plotting._rows_note(found).startswith("1 seeds a point, in each of 2 repeats of the teacher.")


# ---- what stands in a test set ----


def copied_from_test(folder: Path, n: int) -> str:
    """A set of news of which the first n are test examples with a word more."""
    rows = load_set(paths.EXAMPLES / "news" / "zero_shot.parquet").rows[:24]
    tested = load_rows(read_card("news"), "test")
    copied = [{**row, "text": tested[k]["text"] + " Yes"} if k < n else row for k, row in enumerate(rows)]
    name, file = SetName("copied"), str(folder / "copied.parquet")
    save_set(file, copied, step=Step("01_generation", {}), name=name, teacher="m", bill={"dollars": 0.5})
    return file


def test_a_set_that_repeats_much_of_the_test_set_is_refused(tmp_path: Path) -> None:
    file = copied_from_test(tmp_path, 6)
    refused(
        lambda: pools_for(read_card("news"), None, examples=[file]),
        "Task 'news': 6 of 24 texts of copied stand among the 1", "of test, equal (0) or nearly so (6): ", " Yes' beside ",
        "`most_in_test` allows 0.05",
    )  # fmt: skip


def test_a_set_that_repeats_some_of_the_test_set_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = copied_from_test(tmp_path, 1)
    pools_for(read_card("news"), None, examples=[file])
    assert capsys.readouterr().out.startswith("1 of 24 texts of copied stand among the 1")
    pools_for(read_card("news"), None, examples=[copied_from_test(tmp_path, 6)], students=Students(most_in_test=1))
    assert capsys.readouterr().out.startswith("6 of 24 texts of copied stand among the 1")
    pools_for(read_card("news"), None)
    assert capsys.readouterr().out == ""


def test_human_examples_that_stand_in_a_test_set_are_said_and_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """That is for the data to answer for."""
    people, card = load_rows(read_card("news"))[:5], read_card("news")
    _check_unseen(card, people, people_alone(card), evaluations={"other": Evaluation(card, people)}, most=0)
    assert capsys.readouterr().out.startswith("5 of 5 texts of human stand among the 5 of other, equal (5) or nearly so (0): ")


def test_the_pools_of_the_demo_and_their_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pools = pools_for(read_card("news"), None)
    assert pools.offers["labeled_zero_shot"].pools == (len(pools.human) - 60, 60)
    assert pools.offers["zero_shot"].pools[0] == len(pools.human) == len(load(read_card("news")))
    costly = pools_for(read_card("news"), None, students=Students(human_dev=10)).offers["zero_shot"]
    assert (costly.dev_price, costly.pools[0]) == (10 * costly.prices.human, 310)
    assert list(pools.table().columns) == ["human pool", "synthetic pool", "shown", "human", "synthetic"]
    mixes = Mixes(human_sizes=[0, 4], synthetic_sizes=[0, 5, 999], budgets=[0.9], shares=[0], budget_methods=["zero_shot"])
    runs = runs_of(pools, mixes, seeds=1)
    assert Run(NONE, 4, 0, 1) in runs
    assert Run("zero_shot", 4, 5, 1) in runs
    assert not any(run.n_synthetic == 999 for run in runs)
    assert "mixes by number ask for more than a pool holds" in capsys.readouterr().out


def test_no_mix_holds_a_text_with_the_label_of_people_and_with_that_of_the_teacher() -> None:
    pools = pools_for(read_card("news"), None)
    free = pools.offers["labeled_zero_shot"].pools[0]
    taken = {row["id"] for row in pools.sets["labeled_zero_shot"].rows}
    assert {row["id"] for row in pools.human[free:]} == taken
    mixes = Mixes(human_sizes=[free, free + 1], synthetic_sizes=[0, 5])
    runs = runs_of(pools, mixes, seeds=1)
    assert Run("labeled_zero_shot", free, 5, 1) in runs
    assert Run("labeled_zero_shot", free + 1, 5, 1) not in runs
    assert {Run("zero_shot", free + 1, 5, 1), Run(NONE, free + 1, 0, 1)} <= set(runs)


def test_where_there_are_no_sets_every_budget_goes_to_people() -> None:
    pools = pools_for(read_card("claims"), None)
    assert pools.people_alone
    runs = runs_of(pools, Mixes(human_sizes=[4], synthetic_sizes=[5], budgets=[3.9], shares=[0.5, 1]), seeds=1)
    assert runs == [Run(NONE, 10, 0, 1), Run(NONE, 4, 0, 1)]


@pytest.mark.parametrize(
    ("device", "shard", "cards", "taken"),
    [
        ("auto", "3/16", 1, "auto"),
        ("auto", "3/16", 2, "cuda:0"),
        ("cuda", "4/4", 4, "cuda:3"),
        ("cuda:1", "1/4", 4, "cuda:1"),
        ("cpu", "2/4", 4, "cpu"),
        ("auto", "1/1", 0, "auto"),
    ],
)
def test_shards_take_one_card_after_another(device: str, shard: str, cards: int, taken: str) -> None:
    assert device_of_shard(device, shard, cards=cards) == taken


def test_students_of_an_encoder_for_another_language_are_refused() -> None:
    students = Students(encoder="ku-nlp/deberta-v2-base-japanese")
    refused(lambda: pools_for(read_card("frames"), None, students=students), "is for Japanese", "are in English")
