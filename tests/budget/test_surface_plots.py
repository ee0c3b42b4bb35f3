"""Figures of what a surface says: they are drawn, also of little, and are the same each time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text
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
    "best_share_by_price": lambda: surface_plots.best_share_by_price(TWO),
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
        surface_plots.best_share_by_price(none),
        surface_plots.dollars_for_score(none),
        surface_plots.held_out(none),
    ]
    assert [drawing.figure for drawing in drawings] == [None] * 5
    assert all(drawing.caption for drawing in drawings)


@pytest.mark.parametrize("end", [0.003, 0.2, 7, 12_800])
def test_an_axis_has_a_few_round_amounts(end: float) -> None:
    amounts = surface_plots._round_amounts(end)
    assert 3 <= len(amounts) <= 8
    assert amounts[0] == 0
    assert amounts[-1] <= end


@pytest.mark.parametrize("name", ["best_mix_by_budget", "dollars_for_score", "held_out"])
def test_a_legend_names_each_line_in_its_colour(name: str) -> None:
    """Each name stands for something that can be seen, in the same colour, and nothing that has a colour lacks a name."""
    figure = FIGURES[name]().figure
    assert figure is not None
    drawn = [line for axis in figure.axes for line in axis.lines if len(line.get_xdata()) > 1 or line.get_marker() != "None"]
    [legend] = figure.legends
    named = {to_rgba(handle.get_color()) for handle in legend.legend_handles}
    seen = {to_rgba(line.get_color()) for line in drawn if len(line.get_xdata())}
    assert named - {to_rgba("0.5")} <= seen
    assert seen - {to_rgba("0.6")} <= named


def test_surfaces_say_what_chance_is() -> None:
    plan = replace(TWO, rows=TWO.rows.assign(chance=0.3))
    for draw in (surface_plots.best_mix_by_budget, surface_plots.dollars_for_score):
        figure, caption = draw(plan).figure, draw(plan).caption
        assert figure is not None
        words = [text.get_text() for holder in (*figure.legends, *figure.axes) for text in holder.findobj(Text)]
        assert any(word.startswith(plotting.CHANCE_LABEL) for word in words)
        assert "most frequent label" in caption
