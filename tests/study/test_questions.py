"""The study `questions` from its sets to its effects, at a tiny size: a server in the place of the local teacher, and made-up
scores in the place of students."""

from pathlib import Path

import pandas as pd
from endpoint import Served, completion, serving

from lib.budget import read_scores, variance_of_scores
from lib.budget.effects import KEPT, PRICE, SCORE, effects
from lib.core import set_names
from lib.core.artifacts import Step, save_set
from lib.core.tasks import load, read_card
from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.study import schema
from lib.teacher.backends import open_teacher
from lib.training.plan import _with_facts, pools_for, runs_of
from lib.training.settings import Mixes

CARD = read_card("news")
N = 16


def lines(body: dict[str, object], number: int) -> dict[str, object]:
    """Continuations of a line, all different; every fourth is no text."""
    texts = [f'Headline {number} {at} on item {number * 7 + at}"}}' for at in range(int(str(body.get("n", 1))))]
    choices = [{"index": at, "text": f' "{text}', "finish_reason": "stop"} for at, text in enumerate(texts)]
    return completion("") | {"choices": choices}


def written_sets(study: schema.Study, served: Served, folder: Path) -> list[str]:
    """The sets of the study as 01 writes them; the paths of their files."""
    raw, files = load(CARD, "train").to_list()[:24], []
    where = {"base_url": served.url, "token_prices": {"m": {"input": 1.0, "output": 2.0}}, "completion": True}
    teacher = open_teacher("m", study="s", budget=5.0, store=folder / "t.sqlite", **where)  # type: ignore[arg-type]
    for key, name in study.written_sets.items():
        given = schema.parameters_of(study, name) | {"n": N, "drop_junk": False, "near": 1.0}
        method = given.pop("method")
        plan = plan_for(CARD, raw, method=method, settings=GenerationSettings(**given), completion=True)
        written, files = write(plan, teacher), [*files, str(folder / f"{key}.parquet")]
        step = Step("01_generation", given | {"method": method})
        bill = written.bill.summary()
        save_set(files[-1], written.examples, step=step, name=plan.name, teacher="m", bill=bill, account=written.account())
    teacher.close()
    return files


def test_every_set_of_the_study_is_told_apart_from_01_to_05(tmp_path: Path) -> None:
    study = schema.read_study("questions")
    with serving(lines) as served:
        files = written_sets(study, served, tmp_path)
    pools = pools_for(CARD, None, examples=files)
    assert set(pools.sets) == set(study.written_sets)
    runs = runs_of(pools, Mixes(human_sizes=[0], synthetic_sizes=[8]), seeds=2)
    scores = _with_facts(pd.DataFrame(runs).assign(task="news", metric="score"), pools)
    cold = scores.set_levels.str.contains("temperature").to_numpy()
    scores = scores.assign(score=[0.5 + 0.1 * one + 0.001 * seed for one, seed in zip(cold, scores.seed, strict=True)])
    scores.to_parquet(tmp_path / "scores.parquet")
    own = {factor.setting: factor.own for factor in study.factors}
    table = effects(read_scores([str(tmp_path / "scores.parquet")]), {}, own)
    levels = {factor.setting: len(factor.levels) for factor in study.factors}
    assert table[table.measure == SCORE].groupby("setting").size().to_dict() == levels
    assert set(table.measure) == {SCORE, PRICE, KEPT}
    changed = table[(table.measure == SCORE) & (table.setting == "temperature") & (table.level != "1")]
    assert changed.difference.round(6).tolist() == [10, 10]
    parts = variance_of_scores(read_scores([str(tmp_path / "scores.parquet")]), own).set_index("source").share
    assert parts.idxmax() == "temperature"
    assert set_names.find("few_shot_shots_0").levels == (("shots", "0"),)
