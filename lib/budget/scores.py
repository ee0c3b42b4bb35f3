"""Tables of scores: how they are read and checked, and what each budget and each mix in them was worth."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pandas import DataFrame, Series

from lib.budget.pooling import FILE, check_pooling
from lib.core import kinds, set_names
from lib.core import tasks as cards
from lib.core.artifacts import read_table
from lib.core.mixes import NONE, STUDENT_LEVELS, TEST, Cell, Offer, Prices, cells, check_prices
from lib.core.paths import STUDIES
from lib.core.resampling import ANSWERS, with_samples
from lib.core.stats import REPEAT, over_runs

_COLUMNS = [
    *("task", "method", "n_human", "n_synthetic", "seed", "score"),
    *("human_price", "synthetic_price", "human_pool", "synthetic_pool"),
]
"""The columns of a training run that the budget notebook needs."""
_NEEDED = ["n_human", "n_synthetic", "seed", "score"]
"""The columns that a table of your own must have; the others have defaults or are parameters."""
CHANCE = "chance"
"""The column of score rows that holds what answers reach which do not depend on the text; `chance_accuracy` has the accuracy."""
_COUNTED = ("set_start", REPEAT)
"""The fields of a set's name that are numbers."""
_UNKNOWN = 10**12
"""The size of a pool that a table does not have: more than any budget buys, so that it limits nothing."""
Shares = Sequence[float] | Mapping[str, Sequence[float]]
"""The shares of each budget: the same for all tasks, or by task."""
_RANGES: dict[str, tuple[float, str]] = {
    "n_human": (float("inf"), "whole numbers of examples from 0 up"),
    "n_synthetic": (float("inf"), "whole numbers of examples from 0 up"),
    "score": (1.0, "between 0 and 1 (percents are to be divided by 100)"),
}
"""The largest value of a column, and a description of its values."""


def offer_of(rows: DataFrame | Mapping[str, Any]) -> Offer:
    """The offer of one method's score rows, or of one of them; the price of an example includes that of learning from it."""
    first = rows.iloc[0] if isinstance(rows, DataFrame) else rows
    training = float(first.get("training_price", 0.0))
    prices = Prices(first["human_price"] + training, first["synthetic_price"] + training)
    pools = int(first["human_pool"]), int(first["synthetic_pool"])
    shown, dev_price = int(first.get("human_shown", 0)), float(first.get("human_dev", 0) * first["human_price"])
    return Offer(prices, pools, shown, float(first.get("run_price", 0.0)), dev_price, training)


def budgets_of(scores: Sequence[str], budgets: list[float] | None) -> list[float]:
    """The budgets that are given, or those of the study that the table of scores belongs to: runs/STUDY/figures/scores.csv or,
    if published, figures/STUDY/scores.csv."""
    if budgets is not None:
        return budgets
    folders = Path(scores[0]).parts[-4:-1] if len(scores) == 1 else ()
    names = [name for name in folders if name not in ("runs", "figures")]
    study = STUDIES / f"{names[-1]}.yaml" if "figures" in folders[-2:] and names else STUDIES
    if not study.is_file():
        return []
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    return [float(budget) for budget in (content.get("budgets") or {}).get("budgets", [])]


def read_scores(
    tables: list[str],
    human_price: float | None = None,
    *,
    synthetic_price: float | None = None,
    training_price: float = 0.0,
    run_price: float = 0.0,
    all_students: bool = False,
) -> DataFrame:
    """The score rows of some files, checked; prices that are given replace those in the rows. Training is free unless a price of
    an example to learn from or of a run is given. `all_students`: also the rows of those that a study trained at another level of
    a setting than its own."""
    if not tables:
        raise ValueError("There is no table of scores to read: give at least one file that 04 wrote, or a CSV of your own.")
    for name, price in {"training_price": training_price, "run_price": run_price}.items():
        if not 0 <= price < float("inf"):
            raise ValueError(f"{name} is {price!r}; it must be a number of dollars from 0 up.")
    parameters = {"human_price": human_price, "synthetic_price": synthetic_price}
    prices = {name: price for name, price in parameters.items() if price is not None}
    scores = _joined(
        [_checked(_completed(read_table(path), path), path, list(prices)).assign(**{FILE: path}) for path in tables], prices
    )
    scores = _by_method(scores)
    scores = _told_apart(scores, _methods_of_several_teachers([scores]))
    # Of tables that lack what others have.
    defaults = {"evaluated_on": TEST, "human_shown": 0, "human_dev": 0, "training_price": 0.0, "run_price": 0.0}
    scores = scores.fillna({column: value for column, value in defaults.items() if column in scores})
    if training_price or run_price:
        scores = scores.assign(training_price=training_price, run_price=run_price)
    for row in scores[["human_price", "synthetic_price"]].drop_duplicates().itertuples():
        check_prices(Prices(row.human_price, row.synthetic_price if row.synthetic_price == row.synthetic_price else 1.0))
    check_pooling(scores, given=list(prices))
    scores = scores if all_students else own_students(scores)
    return with_samples(_at_one_price(scores.drop(columns=FILE)))


def own_students(scores: DataFrame) -> DataFrame:
    """The rows but for those of students that a study trained at another level of a setting than its own."""
    return scores[scores[STUDENT_LEVELS].isna()] if STUDENT_LEVELS in scores else scores


def _joined(tables: Sequence[DataFrame], prices: Mapping[str, float]) -> DataFrame:
    """All rows, with columns in the order of the tables; the prices replace those of the rows."""
    scores = pd.concat([table.dropna(axis="columns", how="all") for table in tables], ignore_index=True).assign(**prices)
    columns = itertools.chain(*tables, scores)
    scores = scores.reindex(columns=list(dict.fromkeys(columns)))
    return scores.assign(**{f"{column}_source": f"the parameter {column}" for column in prices})


def _by_method(scores: DataFrame) -> DataFrame:
    """The rows, with `set_names.find` knowing each set with its fields, as far as the rows have them; all repeats of a set are
    of one method."""
    columns = [name for name in set_names.COLUMNS if name in scores]
    for row in scores[columns].drop_duplicates().to_dict("records") if columns else []:
        set_names.from_columns({str(name): value for name, value in row.items()})
    if REPEAT not in scores or not (scores[REPEAT] > 1).any():
        return scores
    firsts = [set_names.find(str(method)).first_repeat.key for method in scores.method]
    return scores.assign(method=scores.method.where(~(scores[REPEAT] > 1), firsts))


def _methods_of_several_teachers(tables: Sequence[DataFrame]) -> set[str]:
    """The methods by which several teachers wrote for one task."""
    rows = pd.concat([table.reindex(columns=["task", "method", "teacher"]) for table in tables])
    teachers = rows[rows.method != NONE].dropna().groupby(["task", "method"]).teacher.nunique()
    return set(teachers[teachers > 1].index.get_level_values("method"))


def _told_apart(scores: DataFrame, methods: Collection[str]) -> DataFrame:
    """The rows; those of some methods under names that hold the teacher."""
    if not methods or "teacher" not in scores:
        return scores
    texts = [column for column in ("method", *set_names.COLUMNS) if column in scores and column not in _COUNTED]
    scores = scores.astype(dict.fromkeys(texts, object))  # A column without a text is one of numbers.
    for (method, teacher), rows in scores[scores.method.isin(methods)].groupby(["method", "teacher"], sort=False):
        name = set_names.find(str(method)).by_teacher(str(teacher))
        for column, value in {"method": name.key, **set_names.as_columns(name)}.items():
            scores.loc[rows.index, column] = value
    return scores


def _at_one_price(scores: DataFrame) -> DataFrame:
    """The rows, those of all repeats of a set at their mean price."""
    if REPEAT not in scores or not (scores[REPEAT] > 1).any():
        return scores
    return scores.assign(synthetic_price=scores.groupby(["task", "method"]).synthetic_price.transform("mean"))


def _completed(scores: DataFrame, path: str) -> DataFrame:
    """Adds the columns that your own table may lack: the task is called after the file, the method is `synthetic`, prices are
    empty, the sizes of pools are unknown. Rows without synthetic examples become `human only`."""
    if any(column not in scores for column in _NEEDED):
        return scores
    defaults: dict[str, Any] = {"task": Path(path).stem, "method": "synthetic", "metric": "score"}
    defaults |= {"human_price": None, "synthetic_price": None, "human_pool": _UNKNOWN, "synthetic_pool": _UNKNOWN}
    scores = scores.assign(**{name: value for name, value in defaults.items() if name not in scores})
    scores["method"] = scores.method.where(scores.n_synthetic != 0, NONE)
    return scores


def _checked(scores: DataFrame, path: str, replaced: Sequence[str] = ()) -> DataFrame:
    """Checks the rows. Replaced prices may be empty, and for people alone the columns of synthetic examples."""
    if missing := [column for column in _COLUMNS if column not in scores]:
        raise ValueError(
            f"{path}: no column {', '.join(name for name in missing if name in _NEEDED)}. A table of scores has at least "
            f"{', '.join(_NEEDED)}; what else there can be: {', '.join(name for name in _COLUMNS if name not in _NEEDED)}."
        )
    if "evaluated_on" in scores:
        scores = scores[scores.evaluated_on == TEST]
    if scores.empty:
        raise ValueError(f"{path}: no rows.")
    for column in _COLUMNS:
        needed = scores.method != NONE if column.startswith("synthetic") else scores.method == scores.method
        empty = (scores[column].isna() & needed).tolist()
        if any(empty) and column not in replaced:
            hint = f"; give {column} as a parameter" if column.endswith("price") else ""
            raise ValueError(f"{path}, row {scores.index[empty.index(True)] + 1}: the {column} is missing{hint}.")
    for column, (most, wanted) in _RANGES.items():
        _check_range(scores[column], f"{path}, row", most=most, wanted=wanted)
    return scores.assign(
        **{column: _numbers(scores[column], f"{path}, row") for column in _COLUMNS[-4:] if column not in replaced}
    )


def shares_by_task(shares: Shares, tasks: Iterable[str]) -> dict[str, list[float]]:
    """The shares of each task; none for a task that a mapping lacks."""
    return {task: list(shares.get(task, ()) if isinstance(shares, Mapping) else shares) for task in dict.fromkeys(tasks)}


def with_out_of_domain(scores: DataFrame, paths: Sequence[str], *, all_students: bool = False) -> DataFrame:
    """Adds the rows of other evaluation sets from the same tables, and drops the students' answers. Out of domain the score is
    accuracy where the rows have it: macro-F1 would count labels that the other set lacks as classes of its own."""
    read = [read_table(path) for path in paths]
    tables = [_by_method(table if all_students else own_students(table)) for table in read]
    methods = _methods_of_several_teachers(tables)
    others = [_told_apart(table[table.evaluated_on != TEST], methods) for table in tables if "evaluated_on" in table]
    others = [with_samples(_by_accuracy(table)) for table in others]
    both = pd.concat([scores, *(others or [tables[0].head(0)])], ignore_index=True)
    return both.drop(columns=list(ANSWERS), errors="ignore")


def _by_accuracy(scores: DataFrame) -> DataFrame:
    """The rows with accuracy as their score, where they have it."""
    if "accuracy" not in scores:
        return scores
    known = scores.accuracy.notna()
    values = {"score": scores.score.where(~known, scores.accuracy)}
    if CHANCE in scores:
        values[CHANCE] = scores[CHANCE].where(~known, scores[f"{CHANCE}_accuracy"])
    return scores.assign(**values, **({"metric": scores.metric.where(~known, "accuracy")} if "metric" in scores else {}))


def _check_range(values: Series, where: str, *, most: float, wanted: str) -> None:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = ~numbers.between(0, most) | (numbers == float("inf")) | ((numbers % 1 != 0) if most > 1 else False)
    _refuse_values(values, wrong, where, wanted)


def _numbers(values: Series, where: str) -> Series:
    """The numbers of a column that may have been read as text; a gap stays one."""
    numbers = pd.to_numeric(values, errors="coerce")
    _refuse_values(values, numbers.isna() & values.notna(), where, "numbers (as 0.5)")
    return numbers


def _refuse_values(values: Series, wrong: Series, where: str, wanted: str) -> None:
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(f"{where} {row + 1}: {values.name} is {values[row]}; {values.name} values are {wanted}.")


def price_list(scores: DataFrame) -> DataFrame:
    """The price of one example of each kind, and its source."""
    rows = []
    for task, of_task in scores.groupby("task", sort=False):
        first = of_task.iloc[0]
        rows.append([task, "human", first.human_price, _text(first, "human_price_source", "as the score rows say")])
        for method, group in of_task[of_task.method != NONE].groupby("method", sort=False):
            source = _text(group.iloc[0], "synthetic_price_source", "the teacher's bill, what was not kept included")
            rows.append([task, method, group.synthetic_price.iloc[0], source])
    for name, what in {"training_price": "learning from one example", "run_price": "one training run"}.items():
        if name in scores:
            rows.append(["all", what, scores[name].iloc[0], f"the parameter {name}"])
    return pd.DataFrame(rows, columns=["task", "what", "dollars", "source"])


def _text(row: Any, column: str, default: str) -> str:
    value = row.get(column, None)
    return value if isinstance(value, str) else default


def _measures_of(scores: DataFrame) -> list[str]:
    """The metric of a task, then the other measures of its kind that the rows have."""
    metric = str(scores.metric.iloc[0]) if "metric" in scores else "score"
    also = itertools.chain.from_iterable(kind.also_shown for kind in kinds.kinds().values())
    return list(dict.fromkeys([metric, *(name for name in also if name in scores and scores[name].notna().all())]))


def by_cell(scores: DataFrame, budgets: Sequence[float], shares: Shares) -> DataFrame:
    """One row for each task, method, budget, share and measure, the task's metric first: what the cell buys, whether a pool is
    dry, mean and interval.

    A cell without a training run, as after a change of prices, has no score (nan); a method without any score is left out.
    """
    rows: list[dict[str, Any]] = []
    synthetic, shares_of = scores[scores.method != NONE], shares_by_task(shares, scores.task)
    for (task, method), group in synthetic.groupby(["task", "method"], sort=False):
        for cell in cells(str(method), budgets, shares=shares_of[str(task)], offer=offer_of(group)):
            rows.append({"task": task, "curve": method, **cell._asdict(), "dry": cell.dry})
    grid = pd.DataFrame(rows, columns=["task", "curve", *Cell._fields, "dry"])
    grid = grid.merge(_by_measure(scores), how="left", on=["task", "method", "n_human", "n_synthetic"])
    trained = grid[(grid.method != NONE) & grid["mean"].notna()][["task", "curve"]].drop_duplicates()
    return grid.merge(trained, on=["task", "curve"])


def _by_measure(scores: DataFrame) -> DataFrame:
    """Mean and interval of each mix, for each measure of its task."""
    key = ["task", "method", "n_human", "n_synthetic"]
    tables = []
    for _, rows in scores.groupby("task", sort=False):
        for number, measure in enumerate(_measures_of(rows)):
            tables.append(over_runs(rows, key, measure if number else "score").assign(measure=measure))
    return pd.concat(tables, ignore_index=True)


def gaps(scores: DataFrame, budgets: list[float]) -> list[str]:
    """Questions that the rows cannot answer, a sentence for each."""
    sentences = []
    for task, rows in scores.groupby("task", sort=False):
        if not (rows.method != NONE).any():
            sentences.append(f"{task}: every row is {NONE}, none has synthetic examples, so no share can be compared.")
            continue
        if not (rows.method == NONE).any():
            sentences.append(f"{task}: no row is {NONE}, so what people alone give is only known from mixes, if at all.")
        offers = [offer_of(group) for method, group in rows.groupby("method") if method != NONE]
        too_small = [budget for budget in budgets if not _buys_any(budget, offers)]
        if too_small:
            amounts = ", ".join(f"${budget:g}" for budget in too_small)
            sentences.append(f"{task}: {amounts} buy no example, of people or of any method.")
    return sentences


def _buys_any(budget: float, offers: Sequence[Offer]) -> bool:
    """Whether a budget buys an example, of people or of a method."""
    return any(any(cells("", [budget], shares=[0, 1], offer=offer)) for offer in offers)


def by_dollars(scores: DataFrame) -> DataFrame:
    """One row for each mix that was trained: its dollars, mean score and interval. The dollars include the human examples that
    prompts showed beyond those learned from, those that choose the best epoch, and training if it has a price."""
    shown = (scores.n_synthetic > 0) * (scores.human_shown if "human_shown" in scores else 0)
    bought = np.maximum(scores.n_human, shown) + (scores.human_dev if "human_dev" in scores else 0)
    training = 0.0
    if "run_price" in scores:
        training = (scores.n_human + scores.n_synthetic) * scores.training_price + scores.run_price
    costed = scores.assign(
        dollars=bought * scores.human_price + scores.n_synthetic * scores.synthetic_price.fillna(0.0) + training,
        kind=[kind_of_mix(row.method, row.n_human) for row in scores.itertuples()],
    )
    return over_runs(costed, ["task", "kind", "method", "n_human", "n_synthetic", "dollars"])


def with_mixes(points: DataFrame) -> DataFrame:
    """The points of tasks with synthetic examples; all points if no task has any."""
    mixed = set(points[points.method != NONE].task)
    return points[points.task.isin(mixed)] if mixed else points


def frontier(points: DataFrame) -> DataFrame:
    """The mixes that no cheaper one of their kind beats."""
    ordered = points.sort_values(["dollars", "mean"], ascending=[True, False])
    return ordered[ordered["mean"] > ordered["mean"].cummax().shift(fill_value=float("-inf"))]


def kind_of_mix(method: str, n_human: int) -> str:
    if method == NONE:
        return NONE
    return f"{method} only" if n_human == 0 else f"human + {method}"


def _best_mixes(points: DataFrame) -> DataFrame:
    """For each task and kind of mix the one with the best mean."""
    best = points.loc[points.groupby(["task", "kind"], sort=False)["mean"].idxmax()]
    return best.sort_values(["task", "mean"], ascending=[True, False], ignore_index=True)


def results(scores: DataFrame, budgets: Sequence[float], shares: Shares) -> DataFrame:
    """The best share of each task, method and budget, or, where no cell was trained, the best mix of each kind."""
    grid = by_cell(scores, budgets, shares)
    best = _best_shares(grid) if len(grid) else _best_mixes(by_dollars(scores))
    return _with_both_measures(best, scores)


def _with_both_measures(best: DataFrame, scores: DataFrame) -> DataFrame:
    """The mixes with their mean accuracy and macro-F1 beside, as far as the rows have these."""
    measures = [name for name in ("accuracy", "macro_f1") if name in scores]
    if best.empty or not measures:
        return best
    mix = ["task", "method", "n_human", "n_synthetic"]
    means = scores.groupby(mix)[measures].mean().reset_index()
    used = best.assign(curve=best.method, method=best.method.where(best.n_synthetic > 0, NONE))
    return used.merge(means, how="left", on=mix).assign(method=lambda rows: rows.curve).drop(columns="curve")


def _best_shares(grid: DataFrame) -> DataFrame:
    """For each task, method and budget the share with the best mean, with the score of human data alone."""
    rows = []
    own_score = grid[grid.measure == grid.groupby("task").measure.transform(_first_known)]
    for (task, curve, budget), group in own_score.dropna(subset="mean").groupby(["task", "curve", "budget"], sort=False):
        best = group.loc[group["mean"].idxmax()]
        human = group[group.share == 0]["mean"]
        columns = ["share", "n_human", "n_synthetic", "mean", "low", "high", "seeds", "dry"]
        alone = float(human.iloc[0]) if len(human) else float("nan")
        rows.append({"task": task, "method": curve, "budget": budget, **best[columns].to_dict(), "human_alone": alone})
    return pd.DataFrame(rows)


def _first_known(values: Series) -> Any:
    return values.dropna().iloc[0]


def metric_of(scores: DataFrame) -> dict[str, str]:
    """The metric of each task, where the rows name one."""
    return {task: metric for (task, test), metric in metric_by_test(scores).items() if test == TEST} if "metric" in scores else {}


def metric_by_test(scores: DataFrame) -> dict[tuple[str, str], str]:
    """What the score of each task is on each evaluation set."""
    tests = scores.evaluated_on if "evaluated_on" in scores else [TEST] * len(scores)
    metrics = scores.metric if "metric" in scores else ["score"] * len(scores)
    return dict(zip(zip(scores.task, tests, strict=True), metrics, strict=True))


def chance_by_test(scores: DataFrame) -> dict[tuple[str, str], float]:
    """The score of chance of each task on each evaluation set, as far as it is known: as 04 wrote it, or of macro-F1 one over
    the number of labels of the task's card."""
    known = dict[tuple[str, str], float]()
    for (task, test), metric in metric_by_test(scores).items():
        if metric == "macro_f1" and test == TEST and task in cards.names():
            known[task, test] = 1 / len(cards.read_card(task).labels)
    if CHANCE not in scores:
        return known
    rows = scores if "evaluated_on" in scores else scores.assign(evaluated_on=TEST)
    written = rows.dropna(subset=CHANCE).drop_duplicates(["task", "evaluated_on"])
    return known | dict(zip(zip(written.task, written.evaluated_on, strict=True), written[CHANCE], strict=True))


def own_chance(scores: DataFrame) -> dict[str, float]:
    """The score of chance on the own test set of each task, as far as it is known."""
    return {task: chance for (task, test), chance in chance_by_test(scores).items() if test == TEST}


def describe_tasks(scores: DataFrame) -> DataFrame:
    """The facts of each task in the rows: metric, sizes, the price of a human example and its source, the source of the data."""
    names = [
        "task",
        "metric",
        "n_test",
        "human_pool",
        "human_price",
        "human_price_source",
        "data",
        "human_price_assumed",
        "stand_in",
    ]
    if "human_pool" in scores:  # A method of the teacher's labels draws from fewer.
        scores = scores.assign(human_pool=scores.groupby("task").human_pool.transform("max"))
    tasks = scores[[name for name in names if name in scores]].drop_duplicates("task", ignore_index=True)
    return tasks.replace({"human_pool": _UNKNOWN}, None)
