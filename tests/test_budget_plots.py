"""Figures of what a surface says: they are drawn, also of little, and are the same each time."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from surfaces import known

from lib import answers, budget, budget_plots, plots, surface

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = pd.concat([known(), known().assign(task="flat", score=0.5)])
FITS, REFUSED = surface.fit_all(ROWS, draws=50)
OF = answers.offers(ROWS)
PLAN, _ = answers.plan(FITS, OF, ROWS, [50, 200])
DRAWN = answers.curves(FITS, OF, ROWS, [50, 200])
METRICS = {"t": "accuracy"}
TWO = [FITS[0], FITS[0]._replace(task="u")]
DRAWN |= {("u", "m"): DRAWN["t", "m"]}
OF |= {("u", "m"): OF["t", "m"]}

FIGURES: dict[str, "Callable[[], Figure]"] = {
    "iso_scores": lambda: next(budget_plots.maps(FITS, OF, ROWS, PLAN, DRAWN, METRICS))[1],
    "best_mix_by_budget": lambda: budget_plots.best_mix_by_budget(
        answers.qualities(TWO, DRAWN), budget.by_dollars(ROWS), METRICS
    ),
    "best_share_by_budget": lambda: budget_plots.best_share_by_budget(answers.shares_by_budget(TWO, OF, DRAWN)),
    "dollars_for_score": lambda: budget_plots.dollars_for_score(answers.dollars_for_scores(TWO, DRAWN), PLAN, METRICS),
    "held_out": lambda: budget_plots.held_out(answers.held_out(ROWS, OF, FITS, 20), METRICS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    plots.use_style()
    files = [
        [Path(file) for file in plots.save(FIGURES[name](), tmp_path / part / name, "A caption.")] for part in ("one", "two")
    ]
    for one, two in zip(*files, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_every_task_has_a_map_or_a_word_that_there_is_none() -> None:
    found = list(budget_plots.maps(FITS, OF, ROWS, PLAN, DRAWN, METRICS))
    assert [(task, len(points)) for task, _, points in found] == [("t", 24), ("flat", 0)]
    assert (found[0][2].fitted - found[0][2]["mean"]).abs().max() < 0.03
    assert [text.get_text() for text in found[1][1].axes[0].texts] == [f"{found[1][0]}. {budget_plots.NO_ANSWER}"]


def test_without_surfaces_each_figure_says_so() -> None:
    none = [
        budget_plots.best_mix_by_budget(answers.qualities([], {}), pd.DataFrame(), {}),
        budget_plots.best_share_by_budget(answers.shares_by_budget([], {}, {})),
        budget_plots.dollars_for_score(answers.dollars_for_scores([], {}), PLAN, {}),
        budget_plots.held_out(answers.held_out(ROWS, OF, []), {}),
    ]
    assert all(len(figure.axes[0].texts) == 1 for figure in none)


@pytest.mark.parametrize("end", [0.003, 0.2, 7, 12_800])
def test_an_axis_has_a_few_round_amounts(end: float) -> None:
    amounts = budget_plots.amounts_to(end)
    assert 3 <= len(amounts) <= 8
    assert amounts[0] == 0
    assert amounts[-1] <= end
