"""What a budget buys: how many human and synthetic examples for a share of it, and what they were worth.

The share is the part of the budget that is spent on synthetic data. Counting is exact, in whole nanodollars and whole
examples: never over the budget. A pool that holds fewer examples than the money could buy is `dry`, and says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from lib.metrics import over_seeds
from lib.prices import nano

if TYPE_CHECKING:
    from pandas import DataFrame

NONE = "human only"
"""The method of a mix without synthetic examples."""
TEST = "test"
"""The evaluation set that budgets are about: the task's own test split. Score rows of others may stand beside it."""
COLUMNS = [
    "task",
    "method",
    "n_human",
    "n_synthetic",
    "seed",
    "score",
    "human_price",
    "synthetic_price",
    "human_pool",
    "synthetic_pool",
]
"""What the budget notebook needs to know of a training run."""


class Prices(NamedTuple):
    """Dollars for one example of either kind."""

    human: float
    synthetic: float


class Cell(NamedTuple):
    """What a budget and a share buy, and how much of that the pools hold."""

    method: str
    budget: float
    share: float
    bought_human: int
    bought_synthetic: int
    n_human: int
    n_synthetic: int

    @property
    def dry(self) -> bool:
        return self.n_human < self.bought_human or self.n_synthetic < self.bought_synthetic


def allocate(budget: float, share: float, prices: Prices) -> tuple[int, int]:
    """How many human and synthetic examples a budget buys at a share."""
    check_prices(prices)
    if not 0 <= share <= 1:
        raise ValueError(f"A share lies between 0 and 1, not {share!r}.")
    if not 0 < budget < float("inf"):
        raise ValueError(f"A budget is a positive number of dollars, not {budget!r}.")
    whole = nano(budget)
    for_synthetic = int(whole * Fraction(str(share)))  # As it is written: the float 0.29 is a little less than 0.29.
    return (whole - for_synthetic) // max(1, nano(prices.human)), for_synthetic // max(1, nano(prices.synthetic))


def check_prices(prices: Prices) -> None:
    for kind, price in prices._asdict().items():
        if price != price:
            raise ValueError(f"The price of a {kind} example is not known: give {kind}_price.")
        if not 0 < price < float("inf"):
            raise ValueError(f"The price of a {kind} example is {price!r}; it must be a positive number of dollars.")


def cell(method: str, budget: float, share: float, prices: Prices, pools: tuple[int, int], shown: int = 0) -> Cell | None:
    """What a budget and a share buy of a method's examples, beside the human ones that its prompts show; no synthetic ones at all
    is `human only`. None, if what is shown cannot be bought."""
    human, synthetic = allocate(budget, share, prices)
    if synthetic and pools[1]:
        human -= shown
    if human < 0:
        return None
    have = min(human, pools[0]), min(synthetic, pools[1])
    return Cell(method if have[1] else NONE, budget, share, human, synthetic, *have)


def cells(
    method: str, budgets: Iterable[float], shares: Iterable[float], prices: Prices, pools: tuple[int, int], shown: int = 0
) -> Iterator[Cell]:
    """Every budget at every share; a cell that buys nothing is left out, and one that cannot buy what the prompts show."""
    shares = list(shares)
    every = (cell(method, budget, share, prices, pools, shown) for budget in budgets for share in shares)
    return (found for found in every if found is not None and found.n_human + found.n_synthetic > 0)


def with_prices(
    scores: "DataFrame", prices: dict[str, Prices], pools: dict[str, tuple[int, int]], shown: dict[str, int]
) -> "DataFrame":
    """Score rows with what their examples cost, how many there were and how many human ones the prompts showed, as the budget
    notebook wants them."""
    any_method = next(iter(prices))
    human = {"human_price": prices[any_method].human, "human_pool": pools[any_method][0]}
    synthetic = {name: price.synthetic for name, price in prices.items()}
    held = {name: pool[1] for name, pool in pools.items()}
    seen = scores.method.map(shown).fillna(0).astype(int)
    return scores.assign(
        **human, human_shown=seen, synthetic_price=scores.method.map(synthetic), synthetic_pool=scores.method.map(held)
    )


def read_scores(paths: list[str], human_price: float | None = None, synthetic_price: float | None = None) -> "DataFrame":
    """The score rows of some files, checked; prices given here take the place of those in the rows."""
    import pandas as pd

    from lib.records import read_table

    if not paths:
        raise ValueError("There is no table of scores to read: give at least one file that 04 wrote, or a CSV of your own.")
    given = {"human_price": human_price, "synthetic_price": synthetic_price}
    known = [column for column, price in given.items() if price is not None]
    scores = pd.concat([checked_scores(read_table(path), path, known) for path in paths], ignore_index=True)
    scores = scores.assign(**{column: price for column, price in given.items() if price is not None})
    for row in scores[["human_price", "synthetic_price"]].drop_duplicates().itertuples():
        check_prices(Prices(row.human_price, row.synthetic_price if row.synthetic_price == row.synthetic_price else 1.0))
    return scores


def checked_scores(scores: "DataFrame", path: str, known: Sequence[str] = ()) -> "DataFrame":
    """The rows if they are whole; those without synthetic examples need no price and pool of them, nor any what is `known`."""
    if missing := [column for column in COLUMNS if column not in scores]:
        raise ValueError(f"{path}: no column {', '.join(missing)}. A table of scores has {', '.join(COLUMNS)}.")
    if "evaluated_on" in scores:
        scores = scores[scores.evaluated_on == TEST]
    if scores.empty:
        raise ValueError(f"{path}: no rows.")
    alone = (scores.method == NONE).tolist()
    for column in (name for name in COLUMNS if name not in known):
        empty = [
            gap and not (none and column.startswith("synthetic")) for gap, none in zip(scores[column].isna(), alone, strict=True)
        ]
        if any(empty):
            raise ValueError(f"{path}, row {scores.index[empty.index(True)] + 1}: the {column} is missing.")
    return scores


Shares = Sequence[float] | Mapping[str, Sequence[float]]
"""The shares of each budget: the same for all tasks, or by task."""


def by_task(shares: Shares, tasks: Iterable[str]) -> dict[str, list[float]]:
    """The shares of each task; of one that a mapping does not name, none."""
    return {task: list(shares.get(task, ()) if isinstance(shares, Mapping) else shares) for task in dict.fromkeys(tasks)}


def out_of_domain(paths: Sequence[str]) -> "DataFrame":
    """The rows of some score tables that `read_scores` leaves out: those of other evaluation sets."""
    import pandas as pd

    from lib.records import read_table

    tables = [read_table(path) for path in paths]
    return pd.concat([one[one.evaluated_on != TEST] for one in tables if "evaluated_on" in one] or [tables[0].head(0)])


def by_cell(scores: "DataFrame", budgets: Sequence[float], shares: Shares) -> "DataFrame":
    """One row for each task, method, budget and share: what it buys, whether a pool is dry, mean score and interval.

    A cell that no run was trained for, as when prices were changed since, has no score (nan); a method without any is left out.
    """
    import pandas as pd

    mean = over_seeds(scores, ["task", "method", "n_human", "n_synthetic"])
    rows: list[dict[str, Any]] = []
    synthetic, shares_of = scores[scores.method != NONE], by_task(shares, scores.task)
    for (task, method), group in synthetic.groupby(["task", "method"], sort=False):
        first = group.iloc[0]
        prices, pools = Prices(first.human_price, first.synthetic_price), (int(first.human_pool), int(first.synthetic_pool))
        shown = int(first.get("human_shown", 0))
        for found in cells(str(method), budgets, shares_of[str(task)], prices, pools, shown):
            rows.append({"task": task, "curve": method, **found._asdict(), "dry": found.dry})
    if budgets and not rows:
        nothing = f"{budgets} dollars buy no example" if len(synthetic) else f"every row is {NONE}, none has synthetic examples"
        raise ValueError(f"There is no cell to draw: {nothing}.")
    grid = pd.DataFrame(rows, columns=["task", "curve", *Cell._fields, "dry"])
    grid = grid.merge(mean, how="left", on=["task", "method", "n_human", "n_synthetic"])
    known = grid[(grid.method != NONE) & grid["mean"].notna()][["task", "curve"]].drop_duplicates()
    return grid.merge(known, on=["task", "curve"])


def by_dollars(scores: "DataFrame") -> "DataFrame":
    """One row for each kind of mix that was trained: its dollars, mean score and interval. Human examples that prompts showed
    had to be bought beside those that a student learns from."""
    bought = scores.n_human + (scores.human_shown if "human_shown" in scores else 0)
    costed = scores.assign(
        dollars=bought * scores.human_price + scores.n_synthetic * scores.synthetic_price.fillna(0.0),
        kind=[kind_of_mix(row.method, row.n_human) for row in scores.itertuples()],
    )
    return over_seeds(costed, ["task", "kind", "method", "n_human", "n_synthetic", "dollars"])


def frontier(points: "DataFrame") -> "DataFrame":
    """The mixes that no cheaper one of their kind beats."""
    ordered = points.sort_values(["dollars", "mean"], ascending=[True, False])
    return ordered[ordered["mean"] > ordered["mean"].cummax().shift(fill_value=float("-inf"))]


def kind_of_mix(method: str, n_human: int) -> str:
    if method == NONE:
        return NONE
    return f"{method} only" if n_human == 0 else f"human + {method}"


def best_mixes(points: "DataFrame") -> "DataFrame":
    """For each task and kind of mix the one with the best mean."""
    best = points.loc[points.groupby(["task", "kind"], sort=False)["mean"].idxmax()]
    return best.sort_values(["task", "mean"], ascending=[True, False], ignore_index=True)


def best_shares(grid: "DataFrame") -> "DataFrame":
    """For each task, method and budget the share with the best mean, beside what human data alone gives."""
    import pandas as pd

    rows = []
    for (task, curve, budget), group in grid.dropna(subset="mean").groupby(["task", "curve", "budget"], sort=False):
        best = group.loc[group["mean"].idxmax()]
        human = group[group.share == 0]["mean"]
        columns = ["share", "n_human", "n_synthetic", "mean", "low", "high", "seeds", "dry"]
        alone = float(human.iloc[0]) if len(human) else float("nan")
        rows.append({"task": task, "method": curve, "budget": budget, **best[columns].to_dict(), "human_alone": alone})
    return pd.DataFrame(rows)
