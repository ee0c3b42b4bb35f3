"""Figures of what a surface says: they are drawn, also of little, and are the same each time."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from surfaces import known

from lib import plotting
from lib.budget import planner, scores, surface, surface_plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = pd.concat([known(), known().assign(task="flat", score=0.5)])
FITS, REFUSED = surface.fit_all(ROWS, draws=50)
OF = planner.offers(ROWS)
PLAN, _ = planner.plan(FITS, OF, ROWS, [50, 200])
DRAWN = planner.curves(FITS, OF, ROWS, [50, 200])
METRICS = {"t": "accuracy"}
TWO = [FITS[0], FITS[0]._replace(task="u")]
DRAWN |= {("u", "m"): DRAWN["t", "m"]}
OF |= {("u", "m"): OF["t", "m"]}

FIGURES: dict[str, "Callable[[], Figure]"] = {
    "iso_scores": lambda: next(surface_plots.maps(FITS, OF, ROWS, PLAN, DRAWN, METRICS))[1],
    "best_mix_by_budget": lambda: surface_plots.best_mix_by_budget(
        planner.qualities(TWO, DRAWN), scores.by_dollars(ROWS), METRICS
    ),
    "best_share_by_budget": lambda: surface_plots.best_share_by_budget(planner.shares_by_budget(TWO, OF, DRAWN)),
    "dollars_for_score": lambda: surface_plots.dollars_for_score(planner.dollars_for_scores(TWO, DRAWN), PLAN, METRICS),
    "held_out": lambda: surface_plots.held_out(planner.held_out(ROWS, OF, FITS, 20), METRICS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    plotting.use_style()
    files = [
        [Path(file) for file in plotting.save(FIGURES[name](), tmp_path / part / name, "A caption.")] for part in ("one", "two")
    ]
    for one, two in zip(*files, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_every_task_has_a_map_or_a_word_that_there_is_none() -> None:
    found = list(surface_plots.maps(FITS, OF, ROWS, PLAN, DRAWN, METRICS))
    assert [(task, len(points)) for task, _, points in found] == [("t", 24), ("flat", 0)]
    assert (found[0][2].fitted - found[0][2]["mean"]).abs().max() < 0.03
    assert [text.get_text() for text in found[1][1].axes[0].texts] == [f"{found[1][0]}. {surface_plots.NO_ANSWER}"]


def test_without_surfaces_each_figure_says_so() -> None:
    none = [
        surface_plots.best_mix_by_budget(planner.qualities([], {}), pd.DataFrame(), {}),
        surface_plots.best_share_by_budget(planner.shares_by_budget([], {}, {})),
        surface_plots.dollars_for_score(planner.dollars_for_scores([], {}), PLAN, {}),
        surface_plots.held_out(planner.held_out(ROWS, OF, []), {}),
    ]
    assert all(len(figure.axes[0].texts) == 1 for figure in none)


@pytest.mark.parametrize("end", [0.003, 0.2, 7, 12_800])
def test_an_axis_has_a_few_round_amounts(end: float) -> None:
    amounts = surface_plots.amounts_to(end)
    assert 3 <= len(amounts) <= 8
    assert amounts[0] == 0
    assert amounts[-1] <= end
