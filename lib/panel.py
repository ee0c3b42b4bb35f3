"""Sliders for budget and prices in JupyterLab. Run by papermill or without ipywidgets, a notebook has none and needs none."""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lib import answers, budget_plots, report
from lib.answers import Offers
from lib.budget import Prices
from lib.surface import Surface

if TYPE_CHECKING:
    from pandas import DataFrame


def can_be_shown() -> bool:
    """A Jupyter server names the notebook to the kernels that it starts; papermill does not."""
    return bool(os.environ.get("JPY_SESSION_NAME")) and find_spec("ipywidgets") is not None


def show(surfaces: Sequence[Surface], of: Offers, scores: "DataFrame", metrics: Mapping[str, str]) -> None:
    """One panel for all chosen surfaces: a budget and two prices, and below what they say."""
    if not surfaces or not can_be_shown():
        return
    import ipywidgets as widgets  # type: ignore[import-not-found]
    from IPython.display import display

    pick = widgets.Dropdown(
        options=[(f"{one.task}: {one.method}", number) for number, one in enumerate(surfaces)], description="task"
    )
    first = of[surfaces[0].task, surfaces[0].method]
    top = answers.ladder(scores, surfaces[0].task, first, [])[-1]
    sliders = {
        "budget": slider(widgets, top, "budget"),
        "human": slider(widgets, first.prices.human, "human"),
        "synthetic": slider(widgets, first.prices.synthetic, "synthetic"),
    }

    def reset(change: Any) -> None:
        one = surfaces[pick.value]
        offer = of[one.task, one.method]
        sliders["human"].value, sliders["synthetic"].value = offer.prices

    def draw(number: int, **dollars: float) -> None:
        say(surfaces[number], of, scores, metrics, dollars)

    pick.observe(reset, "value")
    display(widgets.VBox([pick, *sliders.values()]), widgets.interactive_output(draw, {"number": pick, **sliders}))


def slider(widgets: Any, value: float, name: str) -> Any:
    """From a hundredth to a hundred times of what is given."""
    import math

    middle = math.log10(value)
    look = {"description": f"{name} $", "readout_format": ".3g", "continuous_update": False}
    return widgets.FloatLogSlider(value=value, base=10, min=middle - 2, max=middle + 2, step=0.02, **look)


def say(surface: Surface, of: Offers, scores: "DataFrame", metrics: Mapping[str, str], dollars: Mapping[str, float]) -> None:
    """The recommendation and the map for a budget and prices."""
    import matplotlib.pyplot as plt
    from IPython.display import Markdown, display

    key = surface.task, surface.method
    offers = {key: of[key]._replace(prices=Prices(dollars["human"], dollars["synthetic"]))}
    plan, refused = answers.plan([surface], offers, scores, [dollars["budget"]])
    metric = metrics.get(surface.task, "score")
    display(Markdown(report.as_markdown(report.recommendations(plan, metrics, {}), refused.values())))
    if len(plan):
        drawn = answers.curves([surface], offers, scores, [dollars["budget"]])
        budget_plots.iso_scores(surface, offers[key], answers.measured(scores, surface), plan, drawn, metric)
        plt.show()
