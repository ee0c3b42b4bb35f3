"""Sliders for budget and prices in JupyterLab. Under papermill, or without ipywidgets, a notebook has no sliders."""

import math
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from lib.budget import report, surface_plots
from lib.budget.consequences import measured_mixes
from lib.budget.planner import BudgetPlan, budgets_for, plan_table, spend_curve
from lib.budget.surface import Surface
from lib.core.mixes import Prices


def _can_be_shown() -> bool:
    """Whether a Jupyter server started this kernel: it sets the name of the notebook; papermill does not."""
    return bool(os.environ.get("JPY_SESSION_NAME")) and find_spec("ipywidgets") is not None


def show_sliders(plan: BudgetPlan) -> None:
    """Shows one panel for all chosen surfaces: sliders for a budget and two prices, and the answer below."""
    surfaces = plan.chosen
    if not surfaces or not _can_be_shown():
        return
    options = [(f"{surface.task}: {surface.method}", number) for number, surface in enumerate(surfaces)]
    pick = widgets.Dropdown(options=options, description="task")
    sliders = {name: _slider(amount, name) for name, amount in _amounts(surfaces[0], plan).items()}

    def reset(change: Any) -> None:
        for name, amount in _amounts(surfaces[pick.value], plan).items():
            _move(sliders[name], amount)

    def draw(number: int, **dollars: float) -> None:
        _show_answer(surfaces[number], plan, dollars)

    pick.observe(reset, "value")
    display(widgets.VBox([pick, *sliders.values()]), widgets.interactive_output(draw, {"number": pick, **sliders}))


def _amounts(surface: Surface, plan: BudgetPlan) -> dict[str, float]:
    """The first values of a task's sliders: the budget of its most expensive run, and its prices."""
    top = budgets_for(plan.rows, surface.task, plan.offers, budgets=[])[-1]
    return {"budget": top, **plan.offers[surface.task, surface.method].prices._asdict()}


def _slider(value: float, name: str) -> Any:
    """From a hundredth to a hundred times of a value."""
    look = {"description": f"{name} $", "readout_format": ".3g", "continuous_update": False}
    low, high = _ends(value)
    return widgets.FloatLogSlider(value=value, base=10, min=low, max=high, step=0.02, **look)


def _ends(value: float) -> tuple[float, float]:
    return math.log10(value) - 2, math.log10(value) + 2


def _move(slider: Any, value: float) -> None:
    """Moves a slider and its ends; the ends first outwards, as the value must lie between them."""
    low, high = _ends(value)
    slider.min, slider.max = min(low, slider.min), max(high, slider.max)
    slider.value = value
    slider.min, slider.max = low, high


def _show_answer(surface: Surface, plan: BudgetPlan, dollars: Mapping[str, float]) -> None:
    """The recommendation and the map for a budget and prices."""
    key = surface.task, surface.method
    offers = {key: plan.offers[key]._replace(prices=Prices(dollars["human"], dollars["synthetic"]))}
    table, refused = plan_table([surface], offers, plan.rows, budgets=[dollars["budget"]])
    changed = BudgetPlan(plan.rows, [surface], offers, table, {}, refused)
    display(Markdown(report.as_markdown(report.recommendations(changed), report.reasons(refused))))
    if len(table):
        spent = spend_curve(surface, offers, plan.rows, budgets=[dollars["budget"]])
        points, metric = measured_mixes(plan.rows, surface), plan.metrics.get(surface.task, "score")
        surface_plots.iso_scores(surface, offers[key], points, best=table, spent=spent, metric=metric)
        plt.show()
