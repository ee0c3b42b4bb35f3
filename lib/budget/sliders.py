"""Sliders for budget and prices in JupyterLab. Run by papermill or without ipywidgets, a notebook has none and needs none."""

import math
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import Markdown, display
from pandas import DataFrame

from lib.budget import planner, report, surface_plots
from lib.budget.planner import Offers
from lib.budget.surface import Surface
from lib.core.mixes import Prices


def can_be_shown() -> bool:
    """A Jupyter server names the notebook to the kernels that it starts; papermill does not."""
    return bool(os.environ.get("JPY_SESSION_NAME")) and find_spec("ipywidgets") is not None


def show(surfaces: Sequence[Surface], of: Offers, scores: DataFrame, metrics: Mapping[str, str]) -> None:
    """One panel for all chosen surfaces: a budget and two prices, and below what they say."""
    if not surfaces or not can_be_shown():
        return

    pick = widgets.Dropdown(
        options=[(f"{one.task}: {one.method}", number) for number, one in enumerate(surfaces)], description="task"
    )
    sliders = {name: slider(widgets, amount, name) for name, amount in amounts(surfaces[0], of, scores).items()}

    def reset(change: Any) -> None:
        for name, amount in amounts(surfaces[pick.value], of, scores).items():
            aim(sliders[name], amount)

    def draw(number: int, **dollars: float) -> None:
        say(surfaces[number], of, scores, metrics, dollars)

    pick.observe(reset, "value")
    display(widgets.VBox([pick, *sliders.values()]), widgets.interactive_output(draw, {"number": pick, **sliders}))


def amounts(surface: Surface, of: Offers, scores: DataFrame) -> dict[str, float]:
    """Where the sliders of a task begin: at the budget of its dearest run, and at its prices."""
    return {"budget": planner.ladder(scores, surface.task, of, [])[-1], **of[surface.task, surface.method].prices._asdict()}


def slider(widgets: Any, value: float, name: str) -> Any:
    """From a hundredth to a hundred times of what is given."""
    look = {"description": f"{name} $", "readout_format": ".3g", "continuous_update": False}
    low, high = ends(value)
    return widgets.FloatLogSlider(value=value, base=10, min=low, max=high, step=0.02, **look)


def ends(value: float) -> tuple[float, float]:

    return math.log10(value) - 2, math.log10(value) + 2


def aim(slider: Any, value: float) -> None:
    """Moves a slider and its ends; first outwards, as it keeps its value between them."""
    low, high = ends(value)
    slider.min, slider.max = min(low, slider.min), max(high, slider.max)
    slider.value = value
    slider.min, slider.max = low, high


def say(surface: Surface, of: Offers, scores: DataFrame, metrics: Mapping[str, str], dollars: Mapping[str, float]) -> None:
    """The recommendation and the map for a budget and prices."""

    key = surface.task, surface.method
    offers = {key: of[key]._replace(prices=Prices(dollars["human"], dollars["synthetic"]))}
    plan, refused = planner.plan([surface], offers, scores, [dollars["budget"]])
    metric = metrics.get(surface.task, "score")
    display(Markdown(report.as_markdown(report.recommendations(plan, metrics, {}), refused.values())))
    if len(plan):
        drawn = planner.curves([surface], offers, scores, [dollars["budget"]])
        surface_plots.iso_scores(surface, offers[key], planner.measured(scores, surface), plan, drawn, metric)
        plt.show()
