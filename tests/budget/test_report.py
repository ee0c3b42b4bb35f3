"""What is said of a study in words, and its page."""

from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from surfaces import known

from lib import plotting
from lib.budget import planner, report
from lib.budget import sliders as panel
from lib.budget.sliders import can_be_shown, show
from lib.core.artifacts import Step

ROW: dict[str, Any] = {
    "task": "news", "method": "few_shot_3", "budget": 800.0, "people": 0.35, "people_low": 0.2, "people_high": 0.6, "n_human": 280,
    "n_synthetic": 52000, "shown": 3, "mean": 0.812, "low": 0.8, "high": 0.83, "human_alone": 0.7, "synthetic_alone": 0.75, "best_of": 0.9,
    "limited": False, "beyond": False, "dry": False,
}  # fmt: skip


def said(of_methods: int = 1, data: str = "", **changes: Any) -> str:
    return report.recommendation(SimpleNamespace(**ROW | changes), of_methods, "accuracy", data)


def test_a_recommendation_is_two_sentences() -> None:
    assert said() == (
        "With $800 on news, spend 35% on people (90% interval: 20% to 60%): 280 human examples (beside the 3 that its prompts show) and "
        "52,000 by few-shot 3. Expect an accuracy of .81 (.80 to .83), where people alone would give .70 and the teacher alone .75."
    )


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"of_methods": 4}, "of 4 methods this one is best in 90% of refits."),
        ({"limited": True, "beyond": True}, "Not all the money is spent: this keeps to 2 times what any run learned from."),
        ({"beyond": True}, "It is more than any run learned from."),
        ({"dry": True}, "The pool at hand holds fewer."),
        ({"n_synthetic": 0, "shown": 0}, ": 280 human examples. Expect"),
        ({"synthetic_alone": float("nan")}, "the teacher alone an unknown score."),
        ({"data": plotting.EMBEDDED_NOTE}, "written by a language model in place of people"),
        ({"budget": 1234.5}, "With $1,234.50 on"),
    ],
)
def test_what_limits_it_is_said(changes: dict[str, Any], part: str) -> None:
    assert part in said(**changes)


def test_the_best_mixes_in_few_columns() -> None:
    table = report.short(pd.DataFrame([ROW | {"budget": 2.5, "synthetic_alone": float("nan")}]))
    [row] = table.astype(object).where(table.notna(), None).to_dict("records")
    assert row == {
        "task": "news", "method": "few-shot 3", "budget": "$2.50", "for people": "35% (20% to 60%)", "human": "280",
        "synthetic": "52,000", "score": ".81 (.80 to .83)", "people alone": ".70", "teacher alone": None,
    }  # fmt: skip
    assert "<td></td>" in report.as_html(table)
    assert list(report.short(pd.DataFrame([ROW]).head(0)).columns) == list(row)


def test_the_largest_budget_of_the_chosen_method_is_answered_for() -> None:
    rows = [
        ROW | {"chosen": True, "budget": 9.0},
        ROW | {"chosen": True},
        ROW | {"chosen": False, "method": "b", "budget": 900.0},
    ]
    [found] = report.recommendations(pd.DataFrame(rows), {"news": "macro_f1"}, {})
    assert found.startswith("With $800 on news")
    assert "a macro-F1 of" in found
    assert "of 2 methods" in found


def test_the_same_reason_is_said_once() -> None:
    assert report.reasons({("a", "x"): "a, x: too few.", ("a", "y"): "a, y: too few."}, {("a", "z"): "a, z: none."}) == [
        "a, x, y: too few.",
        "a, z: none.",
    ]


def test_markup_in_a_name_is_no_markup() -> None:
    assert report.as_markdown(["a_b <i> $5"], ["*x*"]) == "> a\\_b &lt;i&gt; \\$5\n\n*\\*x\\**"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_page_stands_by_itself_and_holds_no_markup_of_others(tmp_path: Path) -> None:
    plotting.use_style()
    saved = plotting.save(plotting.nothing("none"), tmp_path / "one", "A caption.")
    plotting.save(plotting.nothing("of an earlier run"), tmp_path / "two", "A caption.")
    evil = "<script>alert(1)</script>"
    step = Step("05_budget", {"task": evil})
    paths = [
        report.write(
            str(tmp_path / name), evil, [evil], [evil], {evil: pd.DataFrame({evil: [evil]}), "none": pd.DataFrame()},
            [*saved, *saved], step,
        )
        for name in ("a.html", "b.html")
    ]  # fmt: skip
    page, again = (Path(path).read_text(encoding="utf-8") for path in paths)
    assert page == again
    parser = Tags()
    parser.feed(page)
    assert "script" not in parser.found
    assert parser.found.count("img") == 1
    assert all(source.startswith("data:image/png;base64,") for source in parser.sources)
    assert page.count("&lt;script&gt;") >= 6
    assert "wall_seconds" not in page


def test_sliders_are_for_people_in_front_of_jupyterlab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert not can_be_shown()
    show([object()], {}, pd.DataFrame(), {})  # type: ignore[list-item]


def test_sliders_go_where_the_prices_of_another_task_are(monkeypatch: pytest.MonkeyPatch) -> None:
    widgets = pytest.importorskip("ipywidgets")
    monkeypatch.setenv("JPY_SESSION_NAME", "05_budget.ipynb")
    shown: list[Any] = []
    monkeypatch.setattr(panel, "display", lambda *what: shown.extend(what))
    said: list[tuple[str, Any]] = []
    monkeypatch.setattr(panel, "say", lambda surface, of, scores, metrics, dollars: said.append((surface.task, dollars)))
    rows = pd.concat(
        [
            known(task="cheap", human_price=0.001, synthetic_price=0.00002),
            known(task="dear", human_price=100, synthetic_price=2),
        ]
    )
    surfaces = [SimpleNamespace(task=task, method="m") for task in ("cheap", "dear")]
    show(surfaces, planner.offers(rows), rows, {})  # type: ignore[arg-type]
    pick, *sliders = shown[0].children
    assert isinstance(pick, widgets.Dropdown)
    for number, prices in ((1, [44_000, 100, 2]), (0, [0.44, 0.001, 0.00002])):
        pick.value = number
        assert [one.value for one in sliders] == pytest.approx(prices)
        assert [10**one.min for one in sliders] == pytest.approx([price / 100 for price in prices])
        assert [10**one.max for one in sliders] == pytest.approx([price * 100 for price in prices])
        assert [*said[-1][1].values()] == pytest.approx(prices)
        assert len({dollars["budget"] for _, dollars in said}) <= 2
