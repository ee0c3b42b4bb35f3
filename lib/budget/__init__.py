"""Notebook 05: how to spend a budget, how the methods compare, and what the papers claim."""

from lib.budget.by_class import found_by_class
from lib.budget.cleaning import cleaning_figure
from lib.budget.comparison import by_start, own_scores
from lib.budget.consequences import next_for_all
from lib.budget.effect_plots import effects_figure
from lib.budget.effects import variance_of_scores
from lib.budget.findings import by_set, read_chosen, read_diversity, untested
from lib.budget.label_ways import label_ways
from lib.budget.measured import Measured
from lib.budget.planner import make_plan
from lib.budget.plots import (
    against_human,
    claims_figure,
    cumulative,
    quality_by_dollars,
    quality_by_share,
    score_by_method,
    score_by_ratio,
    score_by_volume,
    teacher_and_students,
)
from lib.budget.report import answer, short, short_exchanges, shown
from lib.budget.scores import budgets_of, describe_tasks, price_list, read_scores, results, with_out_of_domain
from lib.budget.settings import PlanSettings
from lib.budget.sliders import show_sliders
from lib.budget.starts import starts_figure
from lib.budget.surface import fits_table
from lib.budget.surface_plots import (
    best_mix_by_budget,
    best_share_by_budget,
    best_share_by_price,
    dollars_for_score,
    held_out,
    maps,
)

__all__ = [
    "Measured",
    "PlanSettings",
    "against_human",
    "answer",
    "best_mix_by_budget",
    "best_share_by_budget",
    "best_share_by_price",
    "budgets_of",
    "by_set",
    "by_start",
    "claims_figure",
    "cleaning_figure",
    "cumulative",
    "describe_tasks",
    "dollars_for_score",
    "effects_figure",
    "fits_table",
    "found_by_class",
    "held_out",
    "label_ways",
    "make_plan",
    "maps",
    "next_for_all",
    "own_scores",
    "price_list",
    "quality_by_dollars",
    "quality_by_share",
    "read_chosen",
    "read_diversity",
    "read_scores",
    "results",
    "score_by_method",
    "score_by_ratio",
    "score_by_volume",
    "short",
    "short_exchanges",
    "show_sliders",
    "shown",
    "starts_figure",
    "teacher_and_students",
    "untested",
    "variance_of_scores",
    "with_out_of_domain",
]
