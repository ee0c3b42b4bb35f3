"""Methods at equal numbers of examples, by hand on small tables of scores; and the teacher's own score beside its students'."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import spearmanr

from lib import plotting
from lib.budget import comparison
from lib.budget.scores import describe_tasks, read_scores
from lib.core.mixes import NONE
from lib.core.set_names import SetName
from lib.core.stats import mean_interval

COLUMNS = ["task", "method", "n_human", "n_synthetic", "seed", "score"]

# ---- tables of scores ----


def scores(*mixes: tuple[str, int, int, float], task: str = "t", seeds: int = 2) -> pd.DataFrame:
    """Rows of some mixes, (method, n_human, n_synthetic, mean score), the seeds 0.1 apart."""
    rows = [(task, *mix[:3], seed, mix[3] + 0.1 * (seed - (seeds - 1) / 2)) for mix in mixes for seed in range(seeds)]
    return pd.DataFrame(rows, columns=COLUMNS)


def shown(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(table[list(columns)].itertuples(index=False, name=None))


TWO_METHODS = scores(
    (NONE, 5, 0, 0.5),
    (NONE, 10, 0, 0.6),
    ("b", 0, 4, 0.3),
    ("b", 0, 8, 0.4),
    ("b", 5, 8, 0.7),
    ("b", 10, 8, 0.8),
    ("a", 0, 4, 0.2),
    ("a", 0, 8, 0.35),
    ("a", 0, 16, 0.45),
    ("a", 5, 8, 0.65),
    ("a", 7, 8, 0.1),
)


def test_methods_at_the_largest_size_that_all_have() -> None:
    """`a` has 16 alone, but `b` has not; beside 10 and 7 human examples only one of them was trained."""
    found = comparison.by_method(TWO_METHODS)
    assert shown(found, "method", "n_human", "n_synthetic", "mix") == [
        ("b", 0, 8, "8 synthetic"),
        ("b", 5, 8, "5 human + 8 synthetic"),
        ("a", 0, 8, "8 synthetic"),
        ("a", 5, 8, "5 human + 8 synthetic"),
        (NONE, 5, 0, "5 human"),
    ]
    assert found["mean"].tolist() == pytest.approx([0.4, 0.7, 0.35, 0.65, 0.5])
    assert set(found.seeds) == {2}
    low, high = mean_interval([0.35, 0.45])[1:]
    assert (found.low[0], found.high[0]) == (pytest.approx(low), pytest.approx(high))


def test_a_larger_size_that_stands_beside_fewer_raw_examples_is_not_taken() -> None:
    more = scores(("a", 0, 30, 0.5), ("b", 0, 30, 0.5))
    assert comparison.by_method(pd.concat([TWO_METHODS, more])).equals(comparison.by_method(TWO_METHODS))


def test_without_raw_examples_alone_there_is_nothing_to_be_beside() -> None:
    found = comparison.by_method(TWO_METHODS[TWO_METHODS.method != NONE])
    assert shown(found, "method", "n_human", "n_synthetic") == [("b", 0, 8), ("a", 0, 8)]


def test_only_these_numbers_of_raw_examples() -> None:
    found = comparison.by_method(TWO_METHODS, human=[0])
    assert shown(found, "method", "n_human", "n_synthetic") == [("b", 0, 8), ("a", 0, 8)]
    both = comparison.by_method(TWO_METHODS, human=[0, 5, 7])
    assert both.equals(comparison.by_method(TWO_METHODS))


def test_beside_raw_examples_without_the_methods_alone() -> None:
    """The size is still the largest that all methods have alone."""
    found = comparison.by_method(TWO_METHODS, human=[5])
    assert shown(found, "method", "n_human", "n_synthetic") == [("b", 5, 8), ("a", 5, 8), (NONE, 5, 0)]


def test_each_task_at_its_own_size_in_the_order_of_the_rows() -> None:
    other = scores(("a", 0, 30, 0.9), ("b", 0, 30, 0.8), (NONE, 5, 0, 0.1), task="another")
    lone = scores((NONE, 5, 0, 0.1), task="people alone")
    found = comparison.by_method(pd.concat([TWO_METHODS, other, lone]))
    assert list(dict.fromkeys(found.task)) == ["t", "another"]
    assert shown(found[found.task == "another"], "method", "n_synthetic") == [("b", 30), ("a", 30)]


def test_methods_that_share_no_size_are_not_compared() -> None:
    assert comparison.by_method(scores(("a", 0, 4, 0.2), ("b", 0, 5, 0.2), ("b", 5, 4, 0.2), (NONE, 5, 0, 0.2))).empty


def test_a_single_seed_has_no_interval() -> None:
    found = comparison.by_method(scores(("a", 0, 4, 0.2), seeds=1))
    assert found["mean"].tolist() == [pytest.approx(0.2)]
    assert found[["low", "high"]].isna().all().all()


def test_volume_has_a_curve_for_each_method_and_number_of_raw_examples() -> None:
    found = comparison.by_volume(TWO_METHODS)
    assert shown(found, "curve", "method", "n_human", "n_synthetic") == [("a", "a", 0, 4), ("a", "a", 0, 8), ("a", "a", 0, 16)]
    assert found["mean"].tolist() == pytest.approx([0.2, 0.35, 0.45])


def test_volume_starts_at_the_raw_examples_alone() -> None:
    table = scores(("a", 5, 8, 0.7), ("a", 5, 4, 0.6), (NONE, 5, 0, 0.5), (NONE, 6, 0, 0.4), ("b", 5, 4, 0.6), ("a", 6, 4, 0.3))
    found = comparison.by_volume(table)
    assert shown(found, "curve", "method", "n_human", "n_synthetic") == [("a", NONE, 5, 0), ("a", "a", 5, 4), ("a", "a", 5, 8)]
    assert found["mean"].tolist() == pytest.approx([0.5, 0.6, 0.7])
    assert comparison.by_volume(table, human=[5]).equals(found)
    assert comparison.by_volume(table, human=[6]).empty


def test_ratio_has_a_curve_for_each_method_and_total() -> None:
    """At 8 `b` was trained at a single ratio beside people alone; at 10 nobody asked people alone."""
    table = scores(
        ("a", 0, 8, 0.3), ("a", 4, 4, 0.5), (NONE, 8, 0, 0.6), ("b", 4, 4, 0.5), ("a", 5, 5, 0.1), ("a", 0, 10, 0.1),
        (NONE, 4, 0, 0.5), ("a", 0, 4, 0.2), ("a", 1, 3, 0.3),
    )  # fmt: skip
    found = comparison.by_ratio(table)
    assert shown(found, "curve", "n", "method", "part") == [
        ("a", 4, NONE, 0.0),
        ("a", 4, "a", 1.0),
        ("a", 4, "a", 0.75),
        ("a", 8, NONE, 0.0),
        ("a", 8, "a", 1.0),
        ("a", 8, "a", 0.5),
    ]
    assert found["mean"].tolist() == pytest.approx([0.5, 0.2, 0.3, 0.6, 0.3, 0.5])
    assert comparison.by_ratio(table, totals=[8]).equals(found[found.n == 8].reset_index(drop=True))
    assert comparison.by_ratio(table, totals=[10, 7]).empty


def test_three_ratios_are_a_curve_without_people_alone() -> None:
    found = comparison.by_ratio(scores(("a", 2, 6, 0.3), ("a", 4, 4, 0.4), ("a", 6, 2, 0.5), ("a", 0, 8, 0.2)))
    assert sorted(found.part) == [0.25, 0.5, 0.75, 1]


NOTHING = [TWO_METHODS.head(0), pd.DataFrame([], columns=COLUMNS), scores((NONE, 5, 0, 0.5)), scores(("a", 5, 5, 0.5))]


@pytest.mark.parametrize("table", NOTHING, ids=["no rows", "no types", "people alone", "one mix"])
def test_nothing_to_compare_is_an_empty_table(table: pd.DataFrame) -> None:
    """Empty, with the columns that a full one has."""
    ways = {
        "mix": comparison.by_method(table),
        "curve": comparison.by_volume(table),
        "part": comparison.by_ratio(table),
    } | {
        "mean": comparison.by_method(table, [99]),
        "low": comparison.by_volume(table, [99]),
        "n": comparison.by_ratio(table, [99]),
    }
    for column, found in ways.items():
        assert found.empty
        assert {"task", "method", "n_human", "n_synthetic", "mean", "low", "high", "seeds", column} <= set(found)
    assert comparison.teacher_student_pairs(table, []).empty


# ---- the teacher's own score ----


def write_labels(folder: Path, task: str, score: float, method: str = "zero_shot", **more: Any) -> str:
    """Labels of a test set as 02 saves them, by hand."""
    path = folder / f"{task}_{method}.parquet"
    pd.DataFrame([{"id": "a", "label": "x"}]).to_parquet(path)
    made = {"parameters": {"method": method}, "task": task, "score": score, "metric": "accuracy", "n": 50} | more
    path.with_suffix(".json").write_text(json.dumps(made))
    return str(path)


def test_the_teacher_beside_its_students(tmp_path: Path) -> None:
    other = scores(("a", 0, 30, 0.9), task="another")
    labeled = scores((SetName("", labels_by="zero_shot").key, 0, 8, 0.99))
    labels = [
        write_labels(tmp_path, "t", 0.8),
        write_labels(tmp_path, "t", 0.85, "few_shot"),
        write_labels(tmp_path, "another", 0.7, metric="macro_f1", n=20),
        write_labels(tmp_path, "untrained", 0.1),
    ]
    found = comparison.teacher_student_pairs(pd.concat([TWO_METHODS, other, labeled]), labels)
    columns = ["labels_by", "task", "method", "teacher", "student", "n_labels", "n_synthetic", "metric", "seeds"]
    assert shown(found, *columns) == [
        ("zero_shot", "t", "b", 0.8, pytest.approx(0.4), 50, 8, "accuracy", 2),
        ("zero_shot", "t", "a", 0.8, pytest.approx(0.35), 50, 8, "accuracy", 2),
        ("few_shot", "t", "b", 0.85, pytest.approx(0.4), 50, 8, "accuracy", 2),
        ("few_shot", "t", "a", 0.85, pytest.approx(0.35), 50, 8, "accuracy", 2),
        ("zero_shot", "another", "a", 0.7, pytest.approx(0.9), 20, 30, "macro_f1", 2),
    ]
    assert (found.low < found.student).all()
    assert (found.student < found.high).all()


def test_sets_that_the_teacher_only_labeled_do_not_decide_at_which_size_writing_is_judged(tmp_path: Path) -> None:
    labeled = scores((SetName("", labels_by="zero_shot").key, 0, 5, 0.9))
    found = comparison.teacher_student_pairs(pd.concat([TWO_METHODS, labeled]), [write_labels(tmp_path, "t", 0.8)])
    assert shown(found, "method", "n_synthetic") == [("b", 8), ("a", 8)]


def test_each_teacher_stands_beside_the_students_of_its_own_sets(tmp_path: Path) -> None:
    """Two small tables of scores of one method and task, by two teachers, in one 05."""
    tables, labels = [], []
    for number, teacher in enumerate(("big", "small")):
        rows = scores((NONE, 5, 0, 0.5), ("m", 0, 8, 0.4 - 0.2 * number))
        facts = {"human_price": 1.0, "synthetic_price": 0.5, "human_pool": 9, "synthetic_pool": 9, "teacher": teacher}
        tables.append(str(tmp_path / f"{teacher}.csv"))
        rows.assign(**facts).to_csv(tables[-1])
        labels.append(write_labels(tmp_path, "t", 0.9 - 0.4 * number, method=f"by_{teacher}", teacher=teacher))
    found = comparison.teacher_student_pairs(read_scores(tables), labels)
    assert shown(found, "labels_by", "model", "method", "teacher", "student") == [
        ("by_big", "big", "m_big", 0.9, pytest.approx(0.4)),
        ("by_small", "small", "m_small", 0.5, pytest.approx(0.2)),
    ]
    both = comparison.rank_correlations(found.assign(labels_by="zero_shot"))
    assert shown(both, "rho", "tasks") == [(pytest.approx(1), 1)]
    assert comparison.by_method(read_scores(tables)).mix.tolist()[:2] == ["8 synthetic"] * 2


def test_a_teachers_own_score_is_the_mean_over_its_ways_of_labeling(tmp_path: Path) -> None:
    labels = [write_labels(tmp_path, "t", score, way, teacher="big") for score, way in ((0.8, "zero_shot"), (0.9, "few_shot"))]
    labels += [write_labels(tmp_path, "t", 0.1, "unnamed"), write_labels(tmp_path, "other", 0.5, teacher="small")]
    assert comparison.own_scores(labels) == pytest.approx({("t", "big"): 0.85, ("other", "small"): 0.5})
    assert comparison.own_scores([]) == {}


def test_labels_without_students_and_students_without_labels(tmp_path: Path) -> None:
    labels = [write_labels(tmp_path, "untrained", 0.1)]
    assert comparison.teacher_student_pairs(TWO_METHODS, labels).empty
    assert comparison.teacher_student_pairs(TWO_METHODS, []).empty


def test_correlations_of_no_pairs_are_an_empty_table() -> None:
    found = comparison.rank_correlations(comparison.teacher_student_pairs(TWO_METHODS, []))
    assert found.empty
    assert list(found) == ["labels_by", "rho", "low", "high", "tasks"]


def pairs(*means: tuple[float, float], labels_by: str = "zero_shot") -> pd.DataFrame:
    """Teacher and students of some tasks, two methods each, whose mean is the student's score."""
    rows = [(labels_by, f"task {n}", teacher, student + off) for n, (teacher, student) in enumerate(means) for off in (-0.1, 0.1)]
    return pd.DataFrame(rows, columns=["labels_by", "task", "teacher", "student"]).assign(model="m")


def test_of_three_tasks_a_correlation_has_no_interval() -> None:
    """Ranks 1 2 3 against 1 3 2: 1 - 6 * (0 + 1 + 1) / (3 * 8)."""
    [found] = comparison.rank_correlations(pairs((0.5, 0.2), (0.6, 0.4), (0.7, 0.3))).to_dict("records")
    assert (found["labels_by"], found["rho"], found["tasks"]) == ("zero_shot", pytest.approx(0.5), 3)
    assert found["low"] != found["low"]
    assert found["high"] != found["high"]


def test_of_five_tasks_it_has_one() -> None:
    """Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 - 6 * 4 / (5 * 24)."""
    means = pairs((0.1, 0.2), (0.2, 0.1), (0.3, 0.4), (0.4, 0.3), (0.5, 0.5))
    [found] = comparison.rank_correlations(means).to_dict("records")
    assert (found["rho"], found["tasks"]) == (pytest.approx(0.8), 5)
    assert -1 <= found["low"] < 0.8 < found["high"] <= 1
    assert found["rho"] == pytest.approx(spearmanr([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]).statistic)
    assert comparison.rank_correlations(means).equals(comparison.rank_correlations(means))


def test_tasks_that_all_go_the_same_way() -> None:
    [found] = comparison.rank_correlations(pairs((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4))).to_dict("records")
    assert found == {
        "labels_by": "zero_shot",
        "rho": pytest.approx(1),
        "low": pytest.approx(1),
        "high": pytest.approx(1),
        "tasks": 4,
    }
    falling = comparison.rank_correlations(pairs((0.1, 0.4), (0.2, 0.3), (0.3, 0.2)))
    assert falling.rho.tolist() == [pytest.approx(-1)]


def test_each_way_of_asking_has_its_own_correlation() -> None:
    both = pd.concat([pairs((0.1, 0.1), (0.2, 0.2)), pairs((0.1, 0.2), (0.2, 0.1), labels_by="few_shot")])
    found = comparison.rank_correlations(both)
    assert shown(found, "labels_by", "tasks") == [("zero_shot", 2), ("few_shot", 2)]
    assert found.rho.tolist() == pytest.approx([1, -1])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("means", [[(0.5, 0.1 * n) for n in range(5)], [(0.1 * n, 0.5) for n in range(5)], [(0.5, 0.4)]])
def test_where_one_side_does_not_vary_the_correlation_is_unknown(means: list[tuple[float, float]]) -> None:
    """And nothing is said of slices and of nan below the notebook's cell."""
    found = comparison.rank_correlations(pairs(*means))
    assert found[["rho", "low", "high"]].isna().all().all()
    assert found.tasks.tolist() == [len(means)]


def test_a_table_of_tasks_says_prices_and_where_they_are_from() -> None:
    rows = TWO_METHODS.assign(
        human_price=0.5, human_price_source="an assumption: two minutes", human_price_assumed=True, metric="accuracy", n_test=9
    )
    rows = pd.concat(
        [rows, rows.assign(task="u", human_price=0.25, human_price_source="Ding et al. 2023", human_price_assumed=False)]
    )
    found = describe_tasks(rows)
    assert shown(found, "task", "human_price", "n_test") == [("t", 0.5, 9), ("u", 0.25, 9)]
    assert plotting.prices_note(found) == "A human example: t assumed $0.5, u $0.25."
    assert plotting.prices_note(found.drop(columns="human_price_assumed")) == "A human example: t $0.5, u $0.25."


def test_a_table_that_repeats_its_people_alone_for_each_method_is_compared_by_means() -> None:
    once = scores((NONE, 10, 0, 0.5), ("a", 0, 10, 0.4))
    again = pd.concat([once, once[once.method == NONE].assign(score=lambda rows: rows.score + 0.2)], ignore_index=True)
    [found] = comparison.differences_to_human(again).to_dict("records")
    assert (found["human"], found["synthetic"], found["seeds"]) == (pytest.approx(0.6), pytest.approx(0.4), 2)
    assert found["mean"] == pytest.approx(0.4 / 0.6 - 1)
