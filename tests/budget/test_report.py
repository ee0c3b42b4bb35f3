"""The recommendation as text, and sliders for it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from IPython.display import Markdown
from surfaces import known

from lib.budget import planner, report, sliders, surface_plots
from lib.budget.refusals import CannotTell

ROW: dict[str, Any] = {
    "task": "news", "method": "few_shot_3", "budget": 800.0, "people": 0.35, "people_low": 0.2, "people_high": 0.6, "n_human": 280,
    "n_synthetic": 52000, "shown": 3, "mean": 0.812, "low": 0.8, "high": 0.83, "human_alone": 0.7, "synthetic_alone": 0.75, "best_of": 0.9,
    "limited": False, "beyond": False, "costs": 790.5, "emptied": False,
}  # fmt: skip


def text_of(n_methods: int = 1, stand_in: bool = False, **changes: Any) -> str:
    row = SimpleNamespace(**ROW | changes)
    return report._recommendation(row, n_methods, metric="accuracy", stand_in=stand_in)


def test_a_recommendation_is_two_sentences() -> None:
    assert text_of() == (
        "With $800 on news, spend 35% on people (90% interval: 20% to 60%): 280 human examples (with the 3 that its prompts show) and "
        "52,000 by few-shot 3. Expect an accuracy of .81 (.80 to .83), where people alone would give .70 and the teacher alone .75."
    )


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"n_methods": 4}, "of 4 methods this one is the best with a probability of 90%."),
        ({"limited": True, "beyond": True}, "It costs $790.50 and leaves the rest: more than 2 times what any run learned from"),
        ({"limited": True, "emptied": True}, "It costs $790.50 and leaves the rest: a pool holds no more."),
        ({"beyond": True}, "It is more than any run learned from."),
        ({"n_human": 0}, ": 0 human examples (beside the 3 that its prompts show) and 52,000"),
        ({"n_synthetic": 0, "shown": 0}, ": 280 human examples. Expect"),
        ({"n_synthetic": 0, "n_methods": 4}, "the teacher alone .75."),
        ({"synthetic_alone": float("nan")}, "the teacher alone an unknown score."),
        ({"stand_in": True}, "written by a language model in place of people"),
        ({"budget": 1234.5}, "With $1,234.50 on"),
    ],
)
def test_what_limits_it_is_said(changes: dict[str, Any], part: str) -> None:
    assert part in text_of(**changes)


def test_the_best_mixes_in_few_columns() -> None:
    table = report.short(pd.DataFrame([ROW | {"budget": 2.5, "synthetic_alone": float("nan")}]))
    [row] = table.astype(object).where(table.notna(), None).to_dict("records")
    assert row == {
        "task": "news", "method": "few-shot 3", "budget": "$2.50", "for people": "35% (20% to 60%)", "human examples": "280",
        "synthetic examples": "52,000", "score": ".81 (.80 to .83)", "people alone": ".70", "teacher alone": None,
    }  # fmt: skip
    assert list(report.short(pd.DataFrame([ROW]).head(0)).columns) == list(row)


def test_an_interval_that_says_anything_is_no_advice() -> None:
    wide = {"people": 0.95, "people_low": 0.0, "people_high": 0.95}
    text = text_of(**wide)
    assert text.startswith("With $800 on news, the best part for people cannot be told: it may be anything from 0% to 95%. One")
    assert "95% on people" not in text
    [cell] = report.short(pd.DataFrame([ROW | wide]))["for people"]
    assert cell == "cannot be told (0% to 95%)"


def test_no_table_is_infinite_or_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one hold numbers of examples that nobody could ever buy."""
    plan = planner.make_plan(known(), [20, 100], draws=20)
    key = {"task": "t", "method": "m", "synthetic_per_human": 253149.76, "low": 2.5, "high": float("inf")}
    rows = [key | {"budget": 20.0, "stops_at": 300.0, "stops_low": 40.0, "stops_high": float("inf")}]
    monkeypatch.setattr(report, "exchanges", lambda _: pd.DataFrame(rows))
    [row] = report.short_exchanges(plan).to_dict("records")
    assert row["synthetic examples for one human example"] == "over 20,000 (2.5 to over 20,000)"
    assert row["worth nearly nothing from"] == "300 (40 to over 20,000)"
    monkeypatch.setattr(report, "exchanges", lambda _: pd.DataFrame(columns=["task"]))
    empty = report.short_exchanges(plan)
    assert isinstance(report.shown(empty, "Nothing."), Markdown)
    assert isinstance(report.shown(None, "Nothing."), Markdown)
    costs = surface_plots.dollars_for_score(plan).table
    assert costs is not None
    assert not np.isinf(costs.select_dtypes("number")).any().any()


def test_the_largest_budget_of_the_chosen_method_is_answered_for() -> None:
    rows = [
        ROW | {"chosen": True, "budget": 9.0},
        ROW | {"chosen": True},
        ROW | {"chosen": False, "method": "b", "budget": 900.0},
    ]
    scores = pd.DataFrame({"task": ["news"], "metric": "macro_f1", "stand_in": True})
    plan = planner.BudgetPlan(scores, [], {}, pd.DataFrame(rows), {}, [])
    [sentence] = report.recommendations(plan)
    assert sentence.startswith("With $800 on news")
    assert "a macro-F1 of" in sentence
    assert "of 2 methods" in sentence
    assert sentence.endswith(report._STAND_INS)


def test_the_same_reason_is_said_once() -> None:
    refused = [CannotTell("a", "x", "too few."), CannotTell("a", "y", "too few."), CannotTell("a", "z", "none.")]
    assert report.reasons(refused) == ["a, x, y: too few.", "a, z: none."]


def test_markup_in_a_name_is_no_markup() -> None:
    assert report.as_markdown(["a_b <i> $5"], ["*x*"]) == "> a\\_b &lt;i&gt; \\$5\n\n*\\*x\\**"


def test_sliders_are_for_people_in_front_of_jupyterlab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert not sliders._can_be_shown()
    sliders.show_sliders(SimpleNamespace(chosen=[object()]))  # type: ignore[arg-type]


def test_sliders_go_where_the_prices_of_another_task_are(monkeypatch: pytest.MonkeyPatch) -> None:
    widgets = pytest.importorskip("ipywidgets")
    monkeypatch.setenv("JPY_SESSION_NAME", "05_budget.ipynb")
    displayed: list[Any] = []
    monkeypatch.setattr(sliders, "display", lambda *what: displayed.extend(what))
    answers: list[tuple[str, Any]] = []
    monkeypatch.setattr(sliders, "_show_answer", lambda surface, plan, dollars: answers.append((surface.task, dollars)))
    cheap = known(task="cheap", human_price=0.001, synthetic_price=0.00002)
    rows = pd.concat([cheap, known(task="expensive", human_price=100, synthetic_price=2)])
    surfaces = [SimpleNamespace(task=task, method="m") for task in ("cheap", "expensive")]
    plan = SimpleNamespace(chosen=surfaces, rows=rows, offers=planner._offers(rows))
    sliders.show_sliders(plan)  # type: ignore[arg-type]
    pick, *moved = displayed[0].children
    assert isinstance(pick, widgets.Dropdown)
    for number, prices in ((1, [44_000, 100, 2]), (0, [0.44, 0.001, 0.00002])):
        pick.value = number
        assert [slider.value for slider in moved] == pytest.approx(prices)
        assert [10**slider.min for slider in moved] == pytest.approx([price / 100 for price in prices])
        assert [10**slider.max for slider in moved] == pytest.approx([price * 100 for price in prices])
        assert [*answers[-1][1].values()] == pytest.approx(prices)
        assert len({dollars["budget"] for _, dollars in answers}) <= 2


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_slider_draws_the_answer_for_other_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    displayed: list[Any] = []
    monkeypatch.setattr(sliders, "display", lambda *what: displayed.extend(what))
    plan = planner.make_plan(known(), [100], draws=20)
    sliders._show_answer(plan.chosen[0], plan, {"budget": 50.0, "human": 2.0, "synthetic": 0.01})
    assert "\\$50 on t" in displayed[0].data
