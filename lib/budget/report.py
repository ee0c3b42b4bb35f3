"""The recommendation in sentences and in a short table; text from tables and file names is escaped."""

import html
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown
from pandas import DataFrame

from lib.budget.consequences import exchanges
from lib.budget.planner import BudgetPlan
from lib.budget.refusals import CannotTell
from lib.budget.scores import gaps
from lib.budget.spending import FAR, in_dollars
from lib.plotting import flags, named

_STAND_INS = (
    "From stand-in data, written by a language model in place of people: it shows that the software works and is no advice."
)


def answer(plan: BudgetPlan, budgets: Sequence[float]) -> str:
    """Recommends a purchase for each task and names the questions that the rows cannot answer, as Markdown for a notebook."""
    return as_markdown(recommendations(plan), [*gaps(plan.rows, list(budgets)), *reasons(plan.refused)])


def recommendations(plan: BudgetPlan) -> list[str]:
    """A sentence or two for each task: its chosen method at its largest budget."""
    stand_ins = set(plan.rows.task[flags(plan.rows, "stand_in")])
    sentences = []
    for task, rows in plan.table.groupby("task", sort=False):
        *_, top = rows[rows.chosen].sort_values("budget").itertuples()
        metric = plan.metrics.get(str(task), "score")
        sentences.append(_recommendation(top, rows.method.nunique(), metric=metric, stand_in=task in stand_ins))
    return sentences


_WIDE = 0.5
"""An interval of the share for people that is wider tells nothing that anybody could act on."""


def _recommendation(row: Any, n_methods: int, *, metric: str = "score", stand_in: bool = False) -> str:
    """Recommends a purchase with its uncertainty, in two sentences; sentences on its limits follow."""
    place = "with" if row.n_human >= row.shown else "beside"
    shown = f" ({place} the {row.shown:g} that its prompts show)" if row.shown else ""
    synthetic = f" and {row.n_synthetic:,.0f} by {named(row.method)}" if row.n_synthetic else ""
    text = (
        f"With {in_dollars(row.budget)} on {row.task}, {_share_text(row)}: "
        f"{row.n_human:,.0f} human examples{shown}{synthetic}. Expect {_article(named(metric))} {named(metric)} of "
        f"{_score(row.mean)} ({_score(row.low)} to {_score(row.high)}), where people alone would give {_score(row.human_alone)} "
        f"and the teacher alone {_score(row.synthetic_alone)}"
    )
    if n_methods > 1 and row.n_synthetic:
        text += f"; of {n_methods} methods this one is the best with a probability of {_percent(round(row.best_of, 2))}"
    return " ".join([f"{text}.", *_limits(row), *([_STAND_INS] if stand_in else [])])


def _share_text(row: Any) -> str:
    """The part for people, or that it cannot be told."""
    low, high = _percent(row.people_low), _percent(row.people_high)
    if _is_wide(row.people_low, row.people_high):
        return f"the best part for people cannot be told: it may be anything from {low} to {high}. One such mix"
    return f"spend {_percent(row.people)} on people (90% interval: {low} to {high})"


def _is_wide(low: float, high: float) -> bool:
    return high - low > _WIDE


def _limits(row: Any) -> list[str]:
    """Limits of an answer that its interval does not include."""
    if row.limited:
        limit = "a pool holds no more" if row.emptied else f"more than {FAR:g} times what any run learned from is not advised"
        return [f"It costs {in_dollars(row.costs)} and leaves the rest: {limit}."]
    return ["It is more than any run learned from."] if row.beyond else []


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def _percent(part: float) -> str:
    return f"{part:.1%}".replace(".0%", "%")


def _score(value: float) -> str:
    return "an unknown score" if value != value else f"{value:.2f}".removeprefix("0")


def reasons(refused: Iterable[CannotTell]) -> list[str]:
    """Reasons why there is no answer; methods of a task with the same reason share a line."""
    methods: dict[tuple[str, str], list[str]] = {}
    for error in refused:
        methods.setdefault((error.task, error.reason), []).append(error.method)
    return [f"{task}, {', '.join(names)}: {reason}" for (task, reason), names in methods.items()]


def as_markdown(sentences: Iterable[str], gaps: Iterable[str]) -> str:
    """Joins sentences and gaps as Markdown; both are escaped."""
    lines = [f"> {_escaped(sentence)}" for sentence in sentences] + [f"*{_escaped(sentence)}*" for sentence in gaps]
    return "\n\n".join(lines)


def _escaped(text: str) -> str:
    """Escapes HTML and Markdown, and dollar signs, which would begin a formula."""
    text = html.escape(text, quote=False)
    for sign in "\\`*_$[]#|":
        text = text.replace(sign, f"\\{sign}")
    return text


def short(table: DataFrame) -> DataFrame:
    """The main columns of a plan's table, so few that they fit on a page."""
    return pd.DataFrame(
        {
            "task": table.task,
            "method": table.method.map(named),
            "budget": table.budget.map(in_dollars),
            "for people": _shares(table),
            "human examples": table.n_human.map("{:,.0f}".format),
            "synthetic examples": table.n_synthetic.map("{:,.0f}".format),
            "score": _with_interval(table["mean"], table.low, table.high, text=_score),
            "people alone": table.human_alone.map(_score, na_action="ignore"),
            "teacher alone": table.synthetic_alone.map(_score, na_action="ignore"),
        }
    )


def _shares(table: DataFrame) -> list[str]:
    """The part for people with its interval, or the interval alone where it says nearly nothing."""
    plain = _with_interval(table.people, table.people_low, table.people_high, text=_percent)
    wide = [_is_wide(low, high) for low, high in zip(table.people_low, table.people_high, strict=True)]
    parts = zip(plain, wide, strict=True)
    return [f"cannot be told{text[text.index(' ') :]}" if is_wide else text for text, is_wide in parts]


def short_exchanges(plan: BudgetPlan) -> DataFrame:
    """What a synthetic example is worth at the best mix of each budget, as text without numbers far beyond the runs."""
    table = exchanges(plan)
    most = {(surface.task, surface.method): 10 * surface.reach[1] for surface in plan.surfaces}
    limits = [most[key] for key in zip(table.task, table.method, strict=True)] if len(table) else []

    def cells(*names: str) -> list[str]:
        rows = zip(*(table[name] for name in names), limits, strict=True) if len(table) else []
        return [f"{_count(value, limit)} ({_count(low, limit)} to {_count(high, limit)})" for value, low, high, limit in rows]

    return pd.DataFrame(
        {
            "task": table.task,
            "method": [named(method) for method in table.get("method", [])],
            "budget": [in_dollars(budget) for budget in table.get("budget", [])],
            "synthetic examples for one human example": cells("synthetic_per_human", "low", "high"),
            "worth nearly nothing from": cells("stops_at", "stops_low", "stops_high"),
        }
    )


def _count(value: float, limit: float) -> str:
    """A number of examples; one beyond the limit only as such."""
    if value > limit:
        return f"over {limit:,.0f}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def shown(table: DataFrame | None, otherwise: str) -> DataFrame | Markdown:
    """A table to be displayed or, if there is none or it has no rows, a sentence in its place."""
    return table if table is not None and len(table) else Markdown(f"*{_escaped(otherwise)}*")


def _with_interval(
    middle: Iterable[float], low: Iterable[float], high: Iterable[float], *, text: Callable[[float], str]
) -> list[str]:
    return [f"{text(value)} ({text(least)} to {text(most)})" for value, least, most in zip(middle, low, high, strict=True)]
