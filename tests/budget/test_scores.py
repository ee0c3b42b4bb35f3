"""What a budget buys, exactly; and the tables that the budget notebook draws."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused

from lib.budget.scores import (
    _UNKNOWN,
    _best_shares,
    budgets_of,
    by_cell,
    by_dollars,
    frontier,
    gaps,
    offer_of,
    price_list,
    read_scores,
    results,
    with_mixes,
    with_out_of_domain,
)
from lib.core import set_names
from lib.core.mixes import NONE, Offer, Prices, _allocate, cell, cells
from lib.core.pricing import nano
from lib.core.set_names import SetName
from lib.core.stats import mean_interval

DOLLARS = st.floats(0.001, 1e5)
PRICES = st.builds(Prices, st.floats(1e-6, 50), st.floats(1e-9, 50))
SHARES = st.floats(0, 1)

# ---- counting ----


@given(dollars=DOLLARS, share=SHARES, prices=PRICES)
def test_what_is_bought_is_whole_and_never_over_the_budget(dollars: float, share: float, prices: Prices) -> None:
    human, synthetic = _allocate(dollars, share, prices)
    assert (type(human), type(synthetic)) == (int, int)
    assert min(human, synthetic) >= 0
    assert human * nano(prices.human) + synthetic * nano(prices.synthetic) <= nano(dollars)


@given(dollars=DOLLARS, share=SHARES, prices=PRICES)
def test_less_than_one_example_of_each_kind_is_left(dollars: float, share: float, prices: Prices) -> None:
    human, synthetic = _allocate(dollars, share, prices)
    left = nano(dollars) - human * nano(prices.human) - synthetic * max(1, nano(prices.synthetic))
    assert left <= nano(prices.human) + max(1, nano(prices.synthetic))


@given(two=st.tuples(DOLLARS, DOLLARS), share=SHARES, prices=PRICES)
def test_a_larger_budget_never_buys_less(two: tuple[float, float], share: float, prices: Prices) -> None:
    less, more = (_allocate(dollars, share, prices) for dollars in sorted(two))
    assert less[0] <= more[0]
    assert less[1] <= more[1]


@given(dollars=DOLLARS, two=st.tuples(SHARES, SHARES), prices=PRICES)
def test_a_larger_share_buys_no_more_human_and_no_fewer_synthetic(
    dollars: float, two: tuple[float, float], prices: Prices
) -> None:
    smaller, larger = (_allocate(dollars, share, prices) for share in sorted(two))
    assert smaller[0] >= larger[0]
    assert smaller[1] <= larger[1]


@given(dollars=DOLLARS, prices=PRICES)
def test_all_or_nothing(dollars: float, prices: Prices) -> None:
    assert _allocate(dollars, 0, prices) == (nano(dollars) // nano(prices.human), 0)
    assert _allocate(dollars, 1, prices) == (0, nano(dollars) // max(1, nano(prices.synthetic)))


@given(
    dollars=st.integers(1, 10**6),
    share=st.integers(0, 100),
    human=st.integers(1, 500),
    synthetic=st.integers(1, 500),
)
def test_cents_and_percents_are_counted_exactly(dollars: int, share: int, human: int, synthetic: int) -> None:
    """As by hand: 29% of a dollar are 29 cents, whatever floats make of it."""
    found = _allocate(dollars / 100, share / 100, Prices(human / 100, synthetic / 100))
    for_synthetic = Fraction(dollars * share, 100)
    assert found == ((dollars - for_synthetic) // human, for_synthetic // synthetic)


def test_a_float_that_falls_short_of_its_cents() -> None:
    assert _allocate(100, 0.29, Prices(1, 0.01)) == (71, 2900)
    assert _allocate(0.07, 1, Prices(0.01, 0.01)) == (0, 7)
    assert _allocate(7, 0.07, Prices(0.01, 0.01)) == (651, 49)


@pytest.mark.parametrize(
    ("dollars", "share", "prices", "said"),
    [
        (1, -0.1, Prices(1, 1), "share lies between 0 and 1, not -0.1"),
        (1, 1.01, Prices(1, 1), "not 1.01"),
        (1, float("nan"), Prices(1, 1), "share"),
        (0, 0.5, Prices(1, 1), "budget is a positive number of dollars, not 0"),
        (-3, 0.5, Prices(1, 1), "not -3"),
        (float("inf"), 0.5, Prices(1, 1), "not inf"),
        (float("nan"), 0.5, Prices(1, 1), "budget"),
        (1, 0.5, Prices(0, 1), "price of a human example is 0"),
        (1, 0.5, Prices(1, -1), "price of a synthetic example is -1"),
        (1, 0.5, Prices(1, float("nan")), "price of a synthetic example is not known: give synthetic_price"),
    ],
)
def test_what_cannot_be_counted_is_refused(dollars: float, share: float, prices: Prices, said: str) -> None:
    refused(lambda: _allocate(dollars, share, prices), said)


# ---- cells ----

POOLS = st.tuples(st.integers(0, 2000), st.integers(0, 2000))


@given(dollars=st.floats(0.1, 100), share=SHARES, prices=st.builds(Prices, st.floats(0.01, 5), st.floats(0.001, 5)), pools=POOLS)
def test_a_cell_is_dry_if_and_only_if_a_pool_holds_less_than_was_bought(
    dollars: float, share: float, prices: Prices, pools: tuple[int, int]
) -> None:
    found = cell("m", dollars, share=share, offer=Offer(prices, pools))
    bought = _allocate(dollars, share, prices)
    assert (found.bought_human, found.bought_synthetic) == bought
    assert (found.n_human, found.n_synthetic) == tuple(map(min, bought, pools))
    assert found.dry == (pools[0] < bought[0] or pools[1] < bought[1])
    assert found.method == ("m" if found.n_synthetic else NONE)


def test_cells_that_buy_nothing_are_left_out() -> None:
    found = list(cells("m", iter([0.5, 2.0]), shares=iter([0.0, 0.5, 1.0]), offer=Offer(Prices(1, 0.25), (10, 6))))
    assert [(c.budget, c.share, c.n_human, c.n_synthetic, c.dry) for c in found] == [
        (0.5, 0.5, 0, 1, False),
        (0.5, 1.0, 0, 2, False),
        (2.0, 0.0, 2, 0, False),
        (2.0, 0.5, 1, 4, False),
        (2.0, 1.0, 0, 6, True),
    ]


# ---- score tables ----

ROW = {"task": "t", "method": "m", "n_human": 1, "n_synthetic": 4, "seed": 1, "score": 0.5}
ROW |= {"human_price": 1.0, "synthetic_price": 0.25, "human_pool": 10, "synthetic_pool": 6}
ALONE: dict[str, Any] = ROW | {"method": NONE, "n_synthetic": 0, "synthetic_price": None, "synthetic_pool": None}


def table(*changes: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([ROW | change for change in changes])


def write(folder: Path, scores: pd.DataFrame, name: str = "scores.csv") -> str:
    path = folder / name
    if ".csv" in name:
        scores.to_csv(path, index=False)
    else:
        scores.to_parquet(path)
    return str(path)


@pytest.mark.parametrize("name", ["scores.csv", "scores.csv.gz", "scores.parquet"])
def test_scores_are_read_as_they_were_written(tmp_path: Path, name: str) -> None:
    scores = table({}, ALONE)
    read = read_scores([write(tmp_path, scores, name)] * 2)
    assert read.score.tolist() == [0.5] * 4
    assert read.synthetic_price.isna().tolist() == [False, True] * 2
    assert read.index.tolist() == [0, 1, 2, 3]


def test_prices_given_take_the_place_of_those_in_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path, table({}, {"human_price": -1, "synthetic_price": -1}))
    read = read_scores([path], human_price=2, synthetic_price=0.5)
    assert read[["human_price", "synthetic_price"]].to_numpy().tolist() == [[2, 0.5]] * 2
    refused(lambda: read_scores([path], human_price=0), "price of a human example is 0")


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (table({}).drop(columns=["seed", "score"]), ["scores.csv: no column seed, score.", "n_human"]),
        (table({}).iloc[:0], ["scores.csv: no rows"]),
        (table({}, {"score": None}), ["scores.csv, row 2", "the score is missing"]),
        (table({}, {"score": 71.2}), ["scores.csv, row 2: score is 71.2", "between 0 and 1", "divided by 100"]),
        (table({}, {"n_human": -1}), ["scores.csv, row 2: n_human is -1", "whole numbers"]),
        (table({}, {"n_synthetic": 2.5}), ["scores.csv, row 2: n_synthetic is 2.5"]),
        (table({"n_human": None}), ["row 1", "missing"]),
        (table({}, {}, {"seed": None}), ["row 3"]),
        (table({"human_price": -1}), ["human example is -1"]),
        (table({"synthetic_price": -0.5}), ["synthetic example is -0.5"]),
        (table({}, {"synthetic_price": 0}), ["synthetic example is 0"]),
        (
            table({}, {"human_price": "$0.5"}),
            ["scores.csv, row 2: human_price is $0.5; human_price values are numbers (as 0.5)."],
        ),
        (table({"synthetic_pool": "many"}), ["scores.csv, row 1: synthetic_pool is many; synthetic_pool values are numbers"]),
        (table({"human_price": None}), ["row 1: the human_price is missing; give human_price as a parameter."]),
        (table({}, {"synthetic_price": None}), ["scores.csv, row 2", "synthetic_price"]),
        (table({}, {}, {"synthetic_pool": None}), ["scores.csv, row 3", "synthetic_pool"]),
    ],
)
def test_mistake_in_a_table_of_scores(tmp_path: Path, scores: pd.DataFrame, said: list[str]) -> None:
    path = write(tmp_path, scores)
    refused(lambda: read_scores([path]), *said)


AWAY = ROW | {"evaluated_on": "garden", "score": 0.1}


def trained(recipe: str, **columns: Any) -> pd.DataFrame:
    return table({}, ALONE).assign(recipe=recipe, **columns)


def test_students_that_were_trained_in_two_ways_are_not_pooled(tmp_path: Path) -> None:
    slow, fast = (f'{{"steps": 300, "learning_rate": {rate}, "frozen_layers": null}}' for rate in (0.0003, 0.001))
    files = [write(tmp_path, trained(slow, encoder="a"), "slow.csv"), write(tmp_path, trained(fast, encoder="a"), "fast.csv")]
    said = ("slow.csv and", "the students of t were trained in two ways, with learning_rate 0.0003 and 0.001")
    refused(lambda: read_scores(files), *said)
    refused(lambda: read_scores(files, 1.0, synthetic_price=0.5), *said)
    assert len(read_scores([files[0], write(tmp_path, trained(slow, encoder="a"), "again.csv")])) == 4
    assert len(read_scores([files[0], write(tmp_path, trained(fast, task="u"), "other_task.csv")])) == 4
    probe = write(tmp_path, trained('{"frozen_layers": 0, "newer": 1}', encoder="a"), "layers.csv")
    refused(lambda: read_scores([files[0], probe]), "with frozen_layers default and 0")


def test_tables_that_tell_the_encoder_alone_are_pooled_by_it(tmp_path: Path) -> None:
    older = [write(tmp_path, table({}, ALONE).assign(encoder=name), f"{name}.csv") for name in ("small", "large")]
    refused(lambda: read_scores(older), "with encoder small and large")
    newer = write(tmp_path, trained('{"steps": 300}', encoder="small"), "newer.csv")
    assert len(read_scores([older[0], newer])) == 4
    assert len(read_scores([older[0], write(tmp_path, table({}, ALONE), "own.csv")])) == 4


def test_repeats_of_a_set_are_one_method_whose_interval_is_over_them(tmp_path: Path) -> None:
    """Each repeat is an example set of its own, and a draw of the method."""
    parts = []
    for repeat, score in {1: 0.5, 2: 0.7}.items():
        name = SetName("few_shot", repeat=repeat)
        known = {
            "method": name.key,
            "n_synthetic": 10,
            "n_human": 0,
            "synthetic_price": 0.01 * repeat,
            **set_names.as_columns(name),
        }
        parts += [known | {"seed": seed, "score": score + 0.01 * seed} for seed in (1, 2)]
    read = read_scores([write(tmp_path, table(*parts))])
    assert set(read.method) == {"few_shot"}
    assert read.synthetic_price.tolist() == pytest.approx([0.015] * 4)
    (row,) = by_dollars(read).itertuples()
    assert (row.seeds, row.covers) == (2, "repeats")  # Each takes all that its pool holds.
    assert row.low < 0 < 1 < row.high


def test_scores_out_of_domain_are_left_out(tmp_path: Path) -> None:
    """Budgets are about the task's own test set; what was scored elsewhere needs no price."""
    at_home = [{"evaluated_on": "test"}, ALONE | {"evaluated_on": "test", "score": 0.6}]
    scores = table(AWAY, at_home[0], AWAY | {"human_price": None, "score": None}, at_home[1], AWAY)
    read = read_scores([write(tmp_path, scores), write(tmp_path, table({"score": 0.7}), "own.csv")])
    assert read.score.tolist() == [0.5, 0.6, 0.7]
    assert read.index.tolist() == [0, 1, 2]
    points = by_dollars(read)
    assert points[["kind", "seeds"]].to_numpy().tolist() == [["human + m", 2], [NONE, 1]]


def test_scores_out_of_domain_alone_are_nothing(tmp_path: Path) -> None:
    refused(lambda: read_scores([write(tmp_path, table(AWAY, AWAY))]), "scores.csv", "no rows")


def test_a_row_is_counted_as_it_stands_in_the_file(tmp_path: Path) -> None:
    at_home = {"evaluated_on": "test"}
    path = write(tmp_path, table(AWAY, at_home, AWAY, at_home | {"score": None}))
    refused(lambda: read_scores([path]), "scores.csv, row 4: the score is missing")


def test_a_set_is_known_by_the_fields_that_its_rows_hold(tmp_path: Path) -> None:
    names = {"set_method": "grown", "set_start": 2, "set_labels_by": "", "set_derived": "checked"}
    read_scores([write(tmp_path, table({"method": "grown_start_2_checked"} | names, ALONE))])
    assert set_names.find("grown_start_2_checked") == SetName("grown", 2, derived=("checked",))
    read_scores([write(tmp_path, table({"method": "plain_start_2"}))])
    assert set_names.find("plain_start_2").start == 1


def test_rows_of_one_method_by_two_teachers_are_told_apart_in_every_table(tmp_path: Path) -> None:
    """Also in rows out of domain, and of a task that only one of them wrote for; tables of one teacher pool as shards do."""
    away = {"evaluated_on": "garden"}
    home = {"evaluated_on": "test"}
    first = table(home, away, ALONE | home, home | {"task": "other"}).assign(teacher="gpt-4o")
    paths = [write(tmp_path, first.assign(teacher=name), f"{name}.csv") for name in ("gpt-4o", "local")]
    found = read_scores(paths)
    assert found[found.task == "t"].method.tolist() == ["m_gpt_4o", NONE, "m_local", NONE]
    assert found[found.task == "other"].method.tolist() == ["m_gpt_4o", "m_local"]
    assert set_names.find("m_local") == SetName("m").by_teacher("local")
    everywhere = with_out_of_domain(found, paths)
    assert everywhere[everywhere.evaluated_on == "garden"].method.tolist() == ["m_gpt_4o", "m_local"]
    shards = [paths[0], write(tmp_path, first, "shard.csv")]
    assert set(read_scores(shards).method) == {"m", NONE}


@pytest.mark.parametrize(
    ("fact", "value", "said"),
    [
        ("synthetic_price", 0.5, "or give synthetic_price"),
        ("human_shown", 4, "one run of 04"),
        ("human_price", 2.0, "human_price"),
    ],
)
def test_rows_of_two_sets_are_never_pooled_silently(tmp_path: Path, fact: str, value: float, said: str) -> None:
    paths = [write(tmp_path, table({}), "a.csv"), write(tmp_path, table({fact: value}), "b.csv")]
    refused(lambda: read_scores(paths), *paths, f"rows of t, m have two values of {fact}", said)
    if fact.endswith("price"):
        assert len(read_scores(paths, **{fact: 3.0})) == 2


def test_what_is_no_table_of_scores(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    refused(lambda: read_scores([str(tmp_path / "none.csv")]), "none.csv: no such file")
    refused(lambda: read_scores([str(tmp_path / "empty.csv")]), "empty.csv", "csv table")
    refused(lambda: read_scores([]), "no table of scores")


GRID = table(
    {"seed": 1, "score": 0.6}, {"seed": 2, "score": 0.8},
    ALONE | {"n_human": 2, "score": 0.5}, ALONE | {"n_human": 2, "seed": 2, "score": 0.6},
    {"n_human": 0, "n_synthetic": 6, "score": 0.4},
)  # fmt: skip


def test_a_grid_has_a_row_for_each_cell() -> None:
    grid = by_cell(GRID, [2.0], [0, 0.5, 1])
    assert grid[["share", "n_human", "n_synthetic", "seeds", "dry"]].to_numpy().tolist() == [
        [0, 2, 0, 2, False],
        [0.5, 1, 4, 2, False],
        [1, 0, 6, 1, True],
    ]
    assert grid["mean"].tolist() == pytest.approx([0.55, 0.7, 0.4])
    assert (grid.low[1], grid.high[1]) == pytest.approx(mean_interval([0.6, 0.8])[1:])
    assert set(grid.curve) == {"m"}


def test_a_cell_that_no_run_was_trained_for_has_no_score() -> None:
    grid = by_cell(GRID, [4.0], [0.5])
    assert grid["mean"].isna().all()
    assert _best_shares(grid).empty


def test_shares_are_the_same_for_all_tasks_or_each_has_its_own() -> None:
    rows = pd.concat([GRID, GRID.assign(task="other")], ignore_index=True)
    assert set(by_cell(rows, [2.0], [0, 0.5]).task) == {"t", "other"}
    own = by_cell(rows, [2.0], {"t": [0, 1], "other": [0, 0.5]})
    assert own.groupby("task").share.apply(list).to_dict() == {"t": [0, 1], "other": [0, 0.5]}
    assert set(by_cell(rows, [2.0], {"other": [0]}).task) == set()
    assert set(by_cell(rows, [2.0], {"other": [0, 0.5]}).task) == {"other"}


def test_rows_of_other_domains_are_kept_apart(tmp_path: Path) -> None:
    files = [write(tmp_path, table(AWAY, {"evaluated_on": "test"})), write(tmp_path, table({}), "own.csv")]
    both = with_out_of_domain(read_scores(files), files)
    assert both.evaluated_on.tolist() == ["test", "test", AWAY["evaluated_on"]]
    assert len(with_out_of_domain(read_scores(files[1:]), files[1:])) == 1


def test_rows_of_other_domains_by_students_of_another_level_are_there_if_asked_for(tmp_path: Path) -> None:
    files = [write(tmp_path, table({"evaluated_on": "test"}, AWAY | {"student_levels": '{"frozen_layers": "0"}'}))]
    scores = read_scores(files)
    assert len(with_out_of_domain(scores, files)) == 1
    assert with_out_of_domain(scores, files, all_students=True).evaluated_on.tolist() == ["test", AWAY["evaluated_on"]]


@pytest.mark.parametrize(
    ("rows", "budgets", "said"),
    [
        ([ALONE], [2.0], ["t: every row is human only"]),
        ([ROW], [2.0], ["t: no row is human only"]),
        ([ROW, ALONE], [0.01, 2.0], ["t: $0.01 buy no example"]),
        ([ROW, ALONE], [2.0], []),
    ],
)
def test_what_the_rows_cannot_answer_is_said(rows: list[dict[str, Any]], budgets: list[float], said: list[str]) -> None:
    found = gaps(pd.DataFrame(rows), budgets)
    assert [part in sentence for part, sentence in zip(said, found, strict=True)] == [True] * len(said)
    if said and budgets != [2.0]:
        assert by_cell(pd.DataFrame(rows), [0.01], [0, 0.5]).empty


def test_results_hold_accuracy_and_macro_f1_whatever_the_metric() -> None:
    rows = GRID.assign(accuracy=GRID.score + 0.1, macro_f1=GRID.score)
    best = results(rows, [2.0], [0, 0.5, 1])
    assert best.accuracy.tolist() == pytest.approx((best["mean"] + 0.1).tolist())
    assert best.method.tolist() == results(GRID, [2.0], [0, 0.5, 1]).method.tolist()
    alone = results(rows[rows.method == NONE], [], [])
    assert alone.macro_f1.tolist() == pytest.approx(alone["mean"].tolist())


def test_best_shares() -> None:
    [best] = _best_shares(by_cell(GRID, [2.0], [0, 0.5, 1])).to_dict("records")
    assert (best["task"], best["method"], best["budget"], best["share"]) == ("t", "m", 2.0, 0.5)
    assert (best["mean"], best["human_alone"], best["seeds"]) == (pytest.approx(0.7), pytest.approx(0.55), 2)


def test_tasks_of_people_alone_are_not_drawn_beside_others() -> None:
    points = pd.DataFrame({"task": ["a", "a", "b"], "method": [NONE, "m", NONE]})
    assert list(with_mixes(points).task) == ["a", "a"]
    assert list(with_mixes(points[2:]).task) == ["b"]


def test_dollars_of_each_mix() -> None:
    points = by_dollars(GRID).set_index("kind")
    assert points.dollars.to_dict() == {NONE: 2.0, "human + m": 2.0, "m only": 1.5}
    assert points["mean"].to_dict() == pytest.approx({NONE: 0.55, "human + m": 0.7, "m only": 0.4})


@given(points=st.lists(st.tuples(st.integers(1, 20), st.integers(-10, 10)), min_size=1, max_size=30))
def test_frontier_holds_each_mix_that_no_cheaper_one_reaches(points: list[tuple[int, int]]) -> None:
    found = frontier(pd.DataFrame(points, columns=["dollars", "mean"]))
    kept = list(found[["dollars", "mean"]].itertuples(index=False, name=None))
    assert set(kept) == {(d, m) for d, m in points if all(n < m for e, n in points if e < d) and m == max(
        n for e, n in points if e == d)}  # fmt: skip
    assert kept == sorted(set(kept))
    assert [mean for _, mean in kept] == sorted(mean for _, mean in kept)


def test_what_prompts_show_is_bought_once_and_is_the_first_that_is_learned_from() -> None:
    """A cell whose part for people does not pay for what its method's prompts showed is left out."""
    prices, shares = Prices(0.1, 0.01), [0, 0.5, 0.6, 0.9, 1]
    found = list(cells("few", [1.0], shares=shares, offer=Offer(prices, (99, 99), shown=4)))
    assert [(one.share, one.n_human, one.n_synthetic) for one in found] == [(0, 10, 0), (0.5, 5, 50), (0.6, 4, 60)]


def test_dollars_are_those_of_what_is_learned_from_or_of_what_was_shown_whichever_is_more() -> None:
    rows = GRID.assign(human_shown=[3 if n else 0 for n in GRID.n_synthetic], human_price=0.5, synthetic_price=0.1)
    points = by_dollars(rows).set_index(["n_human", "n_synthetic"]).dollars
    assert points[1, 4] == pytest.approx(3 * 0.5 + 4 * 0.1)
    assert points[2, 0] == pytest.approx(2 * 0.5)
    assert by_dollars(rows.assign(human_shown=1)).set_index(["n_human", "n_synthetic"]).dollars[1, 4] == pytest.approx(0.9)


def test_human_examples_that_choose_the_epoch_are_paid_for_by_every_mix() -> None:
    rows = GRID.assign(human_price=0.5, synthetic_price=0.1)
    free, paid = (by_dollars(each).dollars for each in (rows, rows.assign(human_dev=4)))
    assert (paid - free).tolist() == pytest.approx([2.0] * len(free))
    offer = offer_of(rows.assign(human_dev=4, training_price=1.0)[rows.n_synthetic > 0])
    assert (offer.dev_price, offer.beside) == (2.0, 2.0)
    plain = Offer(Prices(0.5, 0.1), (99, 99))
    for share in (0, 0.5, 1):
        assert (
            cell("m", 6.0, share=share, offer=plain._replace(dev_price=2.0))[3:] == cell("m", 4.0, share=share, offer=plain)[3:]
        )  # type: ignore[index]
    assert cell("m", 2.0, share=0, offer=plain._replace(dev_price=2.0)) is None


# ---- scores of one's own, training that costs, several measures ----


def test_four_columns_are_enough(tmp_path: Path) -> None:
    rows = pd.DataFrame({"n_human": [0, 40, 20], "n_synthetic": [30, 0, 60], "seed": 1, "score": 0.5})
    path = write(tmp_path, rows, "mine.csv")
    refused(lambda: read_scores([path]), "mine.csv, row 1: the human_price is missing; give human_price as a parameter.")
    read = read_scores([path], 0.5, synthetic_price=0.004)
    assert read.task.tolist() == ["mine"] * 3
    assert read.method.tolist() == ["synthetic", NONE, "synthetic"]
    assert set(read.human_pool) | set(read.synthetic_pool) == {_UNKNOWN}
    assert price_list(read)[["what", "source"]].to_numpy().tolist() == [
        ["human", "the parameter human_price"],
        ["synthetic", "the parameter synthetic_price"],
    ]
    assert offer_of(read[read.method != NONE]) == Offer(Prices(0.5, 0.004), (_UNKNOWN, _UNKNOWN))


def test_a_pool_that_is_not_known_is_no_limit(tmp_path: Path) -> None:
    """Money that would buy more than any run learned from is not said to find too few."""
    path = write(tmp_path, GRID.drop(columns=["human_pool", "synthetic_pool"]))
    grid = by_cell(read_scores([path]), [1.5, 2.0], [0, 0.5, 1])
    assert grid[grid["mean"].notna()][["budget", "n_human", "n_synthetic"]].to_numpy().tolist() == [
        [1.5, 0, 6],
        [2.0, 2, 0],
        [2.0, 1, 4],
    ]
    assert not grid.dry.any()


def test_rows_of_one_s_own_stand_beside_those_of_a_study(tmp_path: Path) -> None:
    """Whose prompts showed some examples; one's own say nothing of that."""
    own = GRID.assign(task="own").drop(columns=["human_pool", "synthetic_pool"])
    paths = [write(tmp_path, GRID.assign(human_shown=3)), write(tmp_path, own, "own.csv")]
    read = read_scores(paths)
    assert read.groupby("task").human_shown.max().to_dict() == {"t": 3, "own": 0}
    assert [offer_of(rows).shown for _, rows in read.groupby("task", sort=False)] == [3, 0]
    assert by_dollars(read).dollars.notna().all()
    assert (read.human_pool == [10] * 5 + [_UNKNOWN] * 5).all()


def test_training_has_a_price_if_it_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, GRID)
    refused(lambda: read_scores([path], run_price=-1), "run_price is -1; it must be")
    read = read_scores([path], training_price=0.25, run_price=0.5)
    offer = offer_of(read[read.method != NONE])
    assert (offer.prices, offer.per_run) == (Prices(1.25, 0.5), 0.5)
    plain = by_dollars(GRID).dollars
    assert (by_dollars(read).dollars - plain).tolist() == [0.25 * 5 + 0.5, 0.25 * 2 + 0.5, 0.25 * 6 + 0.5]
    assert set(price_list(read).what) == {"human", "m", "learning from one example", "one training run"}
    assert cell("m", 0.5, share=0.5, offer=offer) is None


def test_what_was_shown_and_not_learned_from_is_not_trained() -> None:
    rows = GRID.assign(human_shown=[3 if n else 0 for n in GRID.n_synthetic], human_price=0.5, synthetic_price=0.1)
    rows = rows.assign(training_price=0.25, run_price=1.0)
    offer = offer_of(rows[rows.n_synthetic > 0])
    assert offer.price_of(1, 4) == pytest.approx(3 * 0.5 + 4 * 0.1 + 5 * 0.25 + 1)
    points = by_dollars(rows)
    assert offer.price_of(points.n_human, points.n_synthetic).tolist() == pytest.approx(points.dollars.tolist())


@given(
    dollars=DOLLARS,
    share=SHARES,
    prices=PRICES,
    beside=st.tuples(st.floats(0, 10), st.floats(0, 10)),
    shown=st.integers(0, 500),
    pools=st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)),
)
def test_a_cell_with_all_that_it_takes_is_never_over_the_budget(
    dollars: float, share: float, prices: Prices, beside: tuple[float, float], shown: int, pools: tuple[int, int]
) -> None:
    """With its training, with what its prompts showed, and with what chooses its epoch; what is shown is never bought twice."""
    offer = Offer(prices, pools, shown, *beside)
    found = cell("m", dollars, share=share, offer=offer)
    if found is not None:
        human = offer.bought_human(found.n_human, found.n_synthetic)
        spent = int(human) * nano(prices.human) + found.n_synthetic * nano(prices.synthetic)
        assert spent <= nano(dollars) - sum(map(nano, beside)) + 2
        assert human == (max(found.n_human, shown) if found.n_synthetic else found.n_human)
        assert found.n_human <= found.bought_human
        assert offer.price_of(found.n_human, found.n_synthetic) == pytest.approx(
            human * prices.human + found.n_synthetic * prices.synthetic + sum(beside)
        )


def test_a_task_of_several_measures_has_a_row_for_each() -> None:
    rows = GRID.assign(metric="trigger_weighted_f1", trigger_weighted_f1=GRID.score, argument_weighted_f1=GRID.score / 2)
    found = by_cell(rows, [2.0], [0, 0.5, 1])
    assert found.measure.tolist() == ["trigger_weighted_f1", "argument_weighted_f1"] * 3
    assert found["mean"].tolist() == pytest.approx([0.55, 0.275, 0.7, 0.35, 0.4, 0.2])
    assert _best_shares(found)["mean"].tolist() == pytest.approx([0.7])


@pytest.mark.parametrize(
    ("scores", "given", "said"),
    [
        (["figures/demo/scores.csv"], None, [2.25, 4.5, 9, 18]),
        (["runs/demo/figures/scores.csv"], None, [2.25, 4.5, 9, 18]),
        (["figures/demo/scores.csv"], [], []),
        (["mine.csv"], None, []),
        (["figures/nobody/scores.csv"], None, []),
        (["mine.csv"], [5], [5]),
    ],
)
def test_budgets_are_given_or_those_of_the_study(scores: list[str], given: list[float] | None, said: list[float]) -> None:
    assert budgets_of(scores, given) == said
