"""Figures of what a surface says: they are drawn, also of little, and are the same each time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from surfaces import known

from lib import plotting
from lib.budget import planner, surface_plots

ROWS = pd.concat([known(), known().assign(task="flat", score=0.5)])
PLAN = planner.make_plan(ROWS, [50, 200], draws=50)
U = known().assign(task="u")
TWO = planner.make_plan(pd.concat([known(), U]), [50, 200], draws=50)

FIGURES: dict[str, Callable[[], plotting.Drawing]] = {
    "iso_scores": lambda: next(surface_plots.maps(PLAN)),
    "best_mix_by_budget": lambda: surface_plots.best_mix_by_budget(TWO),
    "best_share_by_budget": lambda: surface_plots.best_share_by_budget(TWO),
    "dollars_for_score": lambda: surface_plots.dollars_for_score(TWO),
    "held_out": lambda: surface_plots.held_out(PLAN),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    plotting.use_style()
    files = []
    for part in ("one", "two"):
        drawing = FIGURES[name]()
        assert drawing.figure is not None
        files.append([Path(file) for file in plotting.save_figure(drawing.figure, tmp_path / part / name, drawing.caption)])
    for one, two in zip(*files, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_every_task_has_a_map_or_a_sentence_that_there_is_none() -> None:
    good, flat = surface_plots.maps(PLAN)
    assert (good.name, flat.name) == ("iso_scores_t", "iso_scores_flat")
    assert good.table is not None
    assert len(good.table) == 24
    assert (good.table.fitted - good.table["mean"]).abs().max() < 0.03
    assert (flat.figure, flat.caption) == (None, f"flat. {surface_plots._NO_ANSWER}")


def test_without_surfaces_each_figure_says_so() -> None:
    none = replace(PLAN, surfaces=[], table=PLAN.table.head(0), curves={})
    drawings = [
        surface_plots.best_mix_by_budget(none),
        surface_plots.best_share_by_budget(none),
        surface_plots.dollars_for_score(none),
        surface_plots.held_out(none),
    ]
    assert [drawing.figure for drawing in drawings] == [None] * 4
    assert all(drawing.caption for drawing in drawings)


@pytest.mark.parametrize("end", [0.003, 0.2, 7, 12_800])
def test_an_axis_has_a_few_round_amounts(end: float) -> None:
    amounts = surface_plots._round_amounts(end)
    assert 3 <= len(amounts) <= 8
    assert amounts[0] == 0
    assert amounts[-1] <= end
