"""BARE: a base model writes drafts, another teacher mends each; both are on the bill, and every item is accounted for."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import CARD, PRICES, prompt, total
from endpoint import completion, serving
from lines import RAW, continuations, remark
from refusing import refused

from lib.core.pricing import TokenPrice
from lib.core.sources import Row
from lib.generation import open_writer, plan_for, write
from lib.generation.sampler import Plan, Written
from lib.generation.settings import GenerationSettings
from lib.study import dry_run
from lib.study.schema import Study
from lib.teacher.client import Teacher, TeacherError
from lib.teacher.recorded import Recorded, write_recordings

PRICES_OF_BOTH = PRICES | {"editor": {"input": 10.0, "output": 20.0}}


def plan_of(**settings: Any) -> Plan:
    given = GenerationSettings(**{"n": 4, "refiner": "editor"} | settings)
    return plan_for(CARD, RAW, method="base_then_refine", settings=given, completion=True)


def opened(plan: Plan, url: str, folder: Path, budget: float = 5.0) -> Teacher:
    access: dict[str, Any] = {"base_url": url, "token_prices": PRICES_OF_BOTH, "store": folder / "t.sqlite"}
    return open_writer("m", plan.settings, study="s", budget=budget, **access)


def both(body: dict[str, Any], number: int) -> dict[str, Any]:
    """Two drafts of a prompt, and each mended in other words."""
    if "prompt" in body:
        return continuations(f' "{remark(number)}"}}', f' "{remark(number + 1000)}"}}')
    draft = json.loads(prompt(body).partition('label "')[2].partition("\n")[2].partition("\n")[0])
    return completion(json.dumps({"text": f"Mended, and rather nicely so: {draft['text'][6:]}"}))


def spread(written: Written) -> float:
    return sum(row["dollars"] for row in written.account())


def test_each_draft_is_mended_by_the_other_teacher_and_keeps_its_label(tmp_path: Path) -> None:
    plan = plan_of()
    with serving(both) as served:
        teacher = opened(plan, served.url, tmp_path)
        written = write(plan, teacher)
    assert sorted(row["label"] for row in written.examples) == ["kind", "kind", "rude", "rude"], written.rejected
    drafts = [json.loads(row["draft"])["text"] for row in written.examples]
    assert [row["text"] for row in written.examples] == [f"Mended, and rather nicely so: {draft[6:]}" for draft in drafts]
    assert all(len(row["shots"]) == 3 for row in written.examples)
    assert {(body["model"], "prompt" in body) for body in served.bodies} == {("m", True), ("editor", False)}
    assert teacher.model == "m + editor"
    assert len(written.shown) == len({shot for row in written.examples for shot in row["shots"]})


def test_both_are_on_the_bill_and_each_example_costs_its_draft_too(tmp_path: Path) -> None:
    plan = plan_of()
    with serving(both) as served:
        written = write(plan, opened(plan, served.url, tmp_path))
    drafted = sum("prompt" in body for body in served.bodies)
    usage = 50 * 1000 + 20 * 2000
    assert written.bill.nanodollars == total(tmp_path, "spent") == drafted * usage + 4 * 10 * usage
    assert spread(written) == pytest.approx(written.bill.nanodollars / 1e9)
    assert [row["dollars"] for row in written.examples] == [pytest.approx((usage / 2 + 10 * usage) / 1e9)] * 4


def test_without_a_refiner_the_teacher_mends_its_own_drafts(tmp_path: Path) -> None:
    plan = plan_of(refiner=None)
    with serving(both) as served:
        teacher = opened(plan, served.url, tmp_path)
        assert len(write(plan, teacher).examples) == 4
    assert {body["model"] for body in served.bodies} == {"m"}
    assert teacher.model == "m"


def test_the_refiner_can_have_an_endpoint_of_its_own(tmp_path: Path) -> None:
    with serving(both) as base, serving(both) as other:
        plan = plan_of(refiner_url=other.url)
        assert len(write(plan, opened(plan, base.url, tmp_path)).examples) == 4
        assert all("prompt" in body for body in base.bodies)
        assert len(other.bodies) == 4


def test_what_is_wrong_with_a_draft_is_not_mended_and_a_bad_mending_is_counted(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        if "prompt" in body:
            return continuations(f' "{remark(number)}"}}', ' "one that was cut o')
        return completion("I like it as it is." if number % 2 else json.dumps({"text": f"Mended so: {remark(number)}"}))

    plan = plan_of(n=2)
    with serving(answer) as served:
        written = write(plan, opened(plan, served.url, tmp_path))
    outcomes = {row["outcome"] for row in written.rejected}
    assert outcomes <= {"invalid: not an object", "failed: no examples in the reply"}
    assert "invalid: not an object" in outcomes
    assert spread(written) == pytest.approx(written.bill.summary()["dollars"])


def test_a_cap_holds_for_both_and_what_was_not_mended_is_accounted_for(tmp_path: Path) -> None:
    plan = plan_of()
    with serving(both) as served:
        written = write(plan, opened(plan, served.url, tmp_path, budget=0.01))
    assert len(written.examples) < 4
    assert written.stopped_by_cap
    assert total(tmp_path, "spent") <= 0.01e9
    assert spread(written) == pytest.approx(written.bill.summary()["dollars"])


def test_a_set_with_a_limit_of_its_own_ends_there(tmp_path: Path) -> None:
    """Its drafts were paid for, and nobody could be paid to mend them."""
    plan = plan_of(dollars=0.05)
    with serving(both) as served:
        written = write(plan, opened(plan, served.url, tmp_path))
    assert written.out_of_money
    assert "not refined" in {row["outcome"] for row in written.account()}
    assert spread(written) == pytest.approx(written.bill.summary()["dollars"])
    assert written.bill.summary()["dollars"] <= 0.05
    with pytest.raises(TeacherError, match=r"the set's own limit|own limit of \$0.05"):
        written.require(plan)


def test_recordings_hold_the_replies_of_both(tmp_path: Path) -> None:
    plan = plan_of()
    with serving(both) as served:
        written = write(plan, opened(plan, served.url, tmp_path))
    write_recordings(tmp_path / "recordings" / "01.jsonl", written.answers)
    again = write(plan, Recorded(tmp_path / "recordings", TokenPrice(input=1, output=1)))
    assert [row["text"] for row in again.examples] == [row["text"] for row in written.examples]
    priced = {"token_prices": {"gpt-4": {"input": 1.0, "output": 1.0}}}
    assert isinstance(open_writer("recorded", plan.settings, recordings=tmp_path, **priced), Recorded)


def test_it_is_asked_of_base_models_only_and_its_settings_of_it() -> None:
    settings = GenerationSettings(refiner="editor")
    refused(
        lambda: plan_for(CARD, RAW, method="base_then_refine", settings=settings),
        "'base_then_refine' needs a teacher that continues",
    )
    refused(lambda: plan_for(CARD, RAW, method="few_shot_3", settings=settings, completion=True), "does not use 'refiner'", "base_then_refine")  # fmt: skip


def study_of(**more: Any) -> Study:
    common: dict[str, Any] = {"question": "q", "tasks": ["review"], "completion": True, "token_prices": PRICES_OF_BOTH}
    writing = {"methods": ["base_then_refine"], "n": 4, "refiner": "editor"}
    return Study.model_validate(common | {"generation": writing, "sizes": {"totals": [4]}} | more)


def test_a_dry_run_counts_both_at_their_prices() -> None:
    study = study_of()
    [cost] = dry_run._highest_costs(study, "m").values()
    cheap = study_of(token_prices=PRICES_OF_BOTH | {"editor": {"input": 0, "output": 0}})
    [drafts] = dry_run._highest_costs(cheap, "m").values()
    assert 0 < drafts < cost / 2
    assert any("base_then_refine" in line for line in dry_run.cost_lines(study, "m", None))


def test_a_refiner_that_costs_money_needs_a_budget_whoever_writes() -> None:
    study = study_of()
    refused(lambda: dry_run.check_budget(study, "local", None), "'editor'", "BUDGET=5")
    dry_run.check_budget(study, "local", 1.0)
    dry_run.check_budget(study, "recorded", None)
    lines = dry_run.cost_lines(study, "local", 1.0)
    assert "an hour" in lines[0]
    assert "Highest cost" in lines[-1]


@pytest.mark.parametrize(
    ("teacher", "methods", "said"),
    [("gpt-4o", ["base_then_refine"], "continues a text"), ("local", ["zero_shot_topic"], "a teacher that answers")],
)
def test_a_study_whose_teacher_cannot_be_asked_so_is_refused_before_it_runs(teacher: str, methods: list[str], said: str) -> None:
    study = study_of(completion=None, generation={"methods": methods, "n": 4})
    refused(lambda: dry_run.check_teacher(study, teacher), repr(methods[0]), said)


def test_a_draft_like_a_human_example_is_not_mended(tmp_path: Path) -> None:
    known: list[Row] = [{"id": f"r{at}", "text": remark(at), "label": ("kind", "rude")[at % 2]} for at in range(8)]
    plan = plan_for(CARD, known, method="base_then_refine", settings=GenerationSettings(n=2), completion=True)
    with serving(lambda body, number: continuations(f' "{remark(0)}"}}')) as served:
        written = write(plan, opened(plan, served.url, tmp_path))
    assert not written.examples
    assert all("prompt" in body for body in served.bodies)
