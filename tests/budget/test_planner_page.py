"""The planner in the browser answers what the planner of notebook 05 answers."""

import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from pandas import DataFrame

from lib.budget.planner import BudgetPlan, make_plan, plan_table
from lib.budget.planner_page import planner_code, surface_data
from lib.budget.scores import read_scores
from lib.core import paths
from lib.core.mixes import Prices

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="the planner's code runs in node")

SCORES = "data/scores/tweet_sentiment.csv.gz"
REFITS = 60
BUDGETS = [1, 5.5, 20, 80, 320]
NAMES = {
    "people": "people",
    "peopleLow": "people_low",
    "peopleHigh": "people_high",
    "score": "mean",
    "low": "low",
    "high": "high",
}
NAMES |= {"humanAlone": "human_alone", "syntheticAlone": "synthetic_alone"}
DRIVER = """
const input = JSON.parse(require("fs").readFileSync(0, "utf8")), lib = require(input.code);
const surface = input.csv ? lib.fitSurface(lib.readScores(input.csv), input.items) : input.surface;
const plans = input.budgets.map((budget) => lib.plan(surface, budget, input.prices));
const scores = input.mixes.map(([h, s]) => [lib.bestScore(surface, h, s), ...lib.scoresOfRefits(surface, h, s)]);
console.log(JSON.stringify({ plans, scores }));
"""


def in_node(**given: Any) -> dict[str, Any]:
    code = str(paths.ROOT / "lib" / "budget" / "planner.js")
    request = {"code": code, "budgets": [], "mixes": [], "prices": {"human": 1, "synthetic": 1}} | given
    done = subprocess.run(["node", "-e", DRIVER], input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def measured() -> DataFrame:
    rows = read_scores([SCORES])
    return rows[rows.evaluated_on == "test"]


@pytest.fixture(scope="module")
def plan(measured: DataFrame) -> BudgetPlan:
    return make_plan(measured, [], draws=REFITS)


def test_scores_are_those_of_the_surface(plan: BudgetPlan) -> None:
    mixes = [(0, 10), (25, 0), (100, 400), (1839, 5), (3000, 9000)]
    h, s = map(np.array, zip(*mixes, strict=True))
    for surface in plan.surfaces:
        found = np.array(in_node(surface=surface_data(surface, plan), mixes=mixes)["scores"])
        assert np.allclose(found[:, 0], surface.scores(h, s), atol=1e-4)
        assert np.allclose(found[:, 1:].T, surface.spread(h, s), atol=1e-4)


@pytest.mark.parametrize("factor", [0.1, 1, 6])
def test_a_budget_buys_what_notebook_05_would_buy(plan: BudgetPlan, factor: float) -> None:
    for surface in plan.surfaces:
        key = surface.task, surface.method
        offer = plan.offers[key]
        prices = Prices(offer.prices.human, offer.prices.synthetic * factor)
        offers = {key: offer._replace(prices=prices, pools=(10**12, 10**12))}
        expected, _ = plan_table([surface], offers, plan.rows, budgets=BUDGETS)
        found = in_node(surface=surface_data(surface, plan), budgets=BUDGETS, prices=prices._asdict())["plans"]
        for row, answer in zip(expected.itertuples(), found, strict=True):
            assert (answer["h"], answer["s"]) == (row.n_human, row.n_synthetic)
            assert answer["limited"] == row.limited
            assert answer["beyond"] == row.beyond
            of_answer = [answer[name] for name in NAMES]
            of_row = [getattr(row, name) for name in NAMES.values()]
            assert of_answer == pytest.approx(of_row, abs=1e-4)


def test_a_budget_too_small_for_anything_has_no_plan(plan: BudgetPlan) -> None:
    surface = plan.surfaces[0]
    prices = plan.offers[surface.task, surface.method].prices._asdict()
    assert in_node(surface=surface_data(surface, plan), budgets=[0.001], prices=prices)["plans"] == [None]


def test_scores_of_ones_own_give_about_the_same_answer(measured: DataFrame, plan: BudgetPlan) -> None:
    surface = plan.surfaces[0]
    rows = measured[measured.method.isin([surface.method, "human only"])]
    table = rows[["n_human", "n_synthetic", "seed", "score"]].to_csv(index=False)
    mixes = rows[["n_human", "n_synthetic"]].drop_duplicates().to_numpy().tolist()
    prices = plan.offers[surface.task, surface.method].prices._asdict()
    found = in_node(csv=table, items=1500, mixes=mixes, budgets=[5, 20, 80], prices=prices)
    h, s = np.array(mixes).T
    assert np.array(found["scores"])[:, 0] == pytest.approx(surface.scores(h, s), abs=0.025)
    expected = plan_table([surface], plan.offers, plan.rows, budgets=[5, 20, 80])[0]
    for row, answer in zip(expected.itertuples(), found["plans"], strict=True):
        assert answer["score"] == pytest.approx(row.mean, abs=0.012)
        assert answer["peopleLow"] - 0.15 <= row.people <= answer["peopleHigh"] + 0.15


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [{**row, "n_human": ""} for row in rows], "Line 2: n_human and n_synthetic are whole numbers"),
        (lambda rows: [{**row, "score": "61"} for row in rows], "Line 2: a score lies between 0 and 1"),
        (lambda rows: [{"n_human": 1, "seed": 1, "score": 0.5} for _ in rows], "names no column n_synthetic"),
        (lambda rows: [{**row, "n_synthetic": 0} for row in rows], "they need two different n_synthetic above 0"),
        (lambda rows: rows[:4], "4 mixes cannot tell"),
        (lambda rows: [{**row, "score": 0.5} for row in rows], "do not change with the mix"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(change: Any, said: str) -> None:
    sizes = [(50, 0), (0, 100), (200, 400), (0, 400), (50, 100), (200, 0)]
    rows = [{"n_human": h, "n_synthetic": s, "seed": 1, "score": 0.5 + h / 1000 + s / 9000} for h, s in sizes]
    text, changed = io.StringIO(), change(rows)
    writer = csv.DictWriter(text, changed[0])
    writer.writeheader()
    writer.writerows(changed)
    with pytest.raises(ValueError, match=re.escape(said)):
        in_node(csv=text.getvalue(), items=400)


def test_the_page_in_docs_is_that_of_the_scores_and_the_code() -> None:
    page = (paths.ROOT / "docs" / "planner.html").read_text(encoding="utf-8")
    assert planner_code() in page
    data = json.loads(page.split('id="surfaces">')[1].split("</script>")[0])
    assert data["sha256"] == hashlib.sha256(paths.resolve(data["scores"]).read_bytes()).hexdigest()
    assert len(data["surfaces"]) > 5
    assert len(page) < 3e6
    assert not re.search(r"(?:src|href)=", page)
