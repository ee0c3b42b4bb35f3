"""A page that answers in a browser what a budget should buy: surfaces of measured scores, and the planner in JavaScript.

python -m lib.budget.planner_page data/scores/real.csv.gz docs/planner.html
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pandas import DataFrame

from lib.budget.deviation import LENGTH, Bumps
from lib.budget.planner import BudgetPlan, budgets_for, make_plan, shifts_of_items
from lib.budget.scores import read_scores
from lib.budget.surface import Surface, rows_of
from lib.core import paths
from lib.core.mixes import TEST

_PAGE, _PLANNER = (Path(__file__).with_name(name) for name in ("planner_page.html", "planner.js"))
_REFITS = 100
_DIGITS = 7


def planner_page(scores: str, *, refits: int = _REFITS) -> str:
    """The page, with a surface for each task and method of a table of scores that has one."""
    rows = read_scores([scores])
    rows = rows[rows.evaluated_on == TEST] if "evaluated_on" in rows else rows
    plan = make_plan(rows, [], draws=refits)
    surfaces = [surface_data(surface, plan) for surface in plan.surfaces]
    digest = hashlib.sha256(paths.resolve(scores).read_bytes()).hexdigest()
    data = json.dumps({"scores": scores, "sha256": digest, "surfaces": surfaces}).replace("<", "\\u003c")
    page = _PAGE.read_text(encoding="utf-8").replace("\nPLANNER\n", f"\n{planner_code()}\n", 1)
    return page.replace(">SURFACES<", f">{data}<", 1)


def planner_code() -> str:
    return _PLANNER.read_text(encoding="utf-8")


def surface_data(surface: Surface, plan: BudgetPlan) -> dict[str, Any]:
    """What planner.js reads of a surface, with its prices and what it was measured on."""
    key = surface.task, surface.method
    prices = plan.offers[key].prices
    rows = rows_of(plan.rows, *key)
    data: dict[str, Any] = {"label": f"{surface.task}: {surface.method.replace('_', ' ')}", "about": _about(surface, rows)}
    data |= {"metric": plan.metrics.get(surface.task, "score").replace("_", "-").replace("f1", "F1")}
    data |= {"human": prices.human, "synthetic": prices.synthetic}
    data |= {"budget": budgets_for(plan.rows, surface.task, plan.offers, budgets=[])[-1]}
    weights = _of_covariances(surface.bumps, np.vstack([surface.deviation, surface.deviations]))
    data |= {"best": _short(surface.best), "draws": _short(surface.draws), "leans": _short(surface.leans)}
    data |= {"shifts": _short(shifts_of_items(len(surface.draws)))}
    data |= {"deviation": _short(weights[0]), "deviations": _short(weights[1:]), "centers": _short(surface.bumps.centers)}
    data |= {"units": _short(np.array(surface.bumps.units)), "length": LENGTH, "items": surface.items}
    return data | {"reach": list(surface.reach)}


def _of_covariances(bumps: Bumps, weights: np.ndarray) -> np.ndarray:
    """The weights of bumps as weights of the plain covariances with their centers, so that a browser solves no equations."""
    found: np.ndarray = np.linalg.solve(bumps.root.T, weights.T).T
    return found


def _short(values: np.ndarray) -> Any:
    """Nested lists of numbers with as many digits as a score needs."""
    if values.ndim > 1:
        return [_short(row) for row in values]
    return [float(f"{value:.{_DIGITS}g}") for value in values]


def _about(surface: Surface, rows: DataFrame) -> str:
    """What the surface was measured on, for the foot of the page."""
    first = rows.iloc[0]
    encoder = f" of the encoder {first.encoder}" if "encoder" in rows else ""
    tests = f", {int(rows.n_test.median()):,} test items" if "n_test" in rows and rows.n_test.notna().any() else ""
    data = f" {first.data}" if "data" in rows else ""
    text = f"Measured: {surface.runs:,} students{encoder} on {surface.cells} mixes{tests}.{data}"
    return f"{text} The first prices are the study's, most of them assumptions."


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("python -m lib.budget.planner_page SCORES.csv PAGE.html")
    try:
        content = planner_page(sys.argv[1])
    except ValueError as error:
        sys.exit(str(error))
    with paths.making(sys.argv[2]) as target:
        target.write_text(content, encoding="utf-8")
    print(f"{sys.argv[2]}: {len(content) / 1e6:.1f} MB")
