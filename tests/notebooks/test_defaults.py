"""Each notebook with its defaults, run by papermill from any folder."""

from pathlib import Path
from typing import Any

import pytest
from executing import NOTEBOOKS, made, run, text_of
from tiny_runs import TEXTS, TINY

from lib.core import paths

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("surroundings")]


NAMES = list(NOTEBOOKS)


def in_the_repository() -> dict[str, tuple[int, int]]:
    """Size and time of each file that a notebook could have written."""
    folders = ("runs", "figures", "data", "notebooks", "studies")
    files = [path for folder in folders for path in (paths.ROOT / folder).rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


DEFAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "01_generation": ({}, ["out.parquet"]),
    "02_labeling": ({}, ["out.parquet"]),
    "03_diversity": (
        {},
        [
            *(f"{kind}_news.{ending}" for kind in TEXTS for ending in ("csv", "pdf", "png")),
            "yield_news.csv",
            "telling_words_news.csv",
        ],
    ),
    "04_training": (TINY, ["out.parquet"]),
    "05_budget": (
        {"draws": 50},
        [
            *(f"{kind}.pdf" for kind in ("score_by_method", "score_by_volume", "against_human", "cumulative")),
            *("quality_by_dollars.csv", "results.csv", "scores.csv", "answers.csv", "next_runs.csv"),
            *(
                "iso_scores_tweet_sentiment.pdf",
                "best_mix_by_budget.png",
                "best_share_by_budget.csv",
                "dollars_for_score.pdf",
                "held_out.pdf",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_with_its_defaults_from_any_folder(name: str, tmp_path: Path) -> None:
    """Without key or network, `recorded` and tracked files being the defaults; the repository stays as it was."""
    before = in_the_repository()
    parameters, outputs = DEFAULTS[name]
    where = "figures" if name in ("03_diversity", "05_budget") else "output"
    made_here = tmp_path / "made"
    executed = run(
        name, tmp_path / "elsewhere", **{where: str(made_here / ("" if where == "figures" else outputs[0]))}, **parameters
    )
    for output in outputs:
        assert (made_here / output).stat().st_size > 0
        beside = made(made_here / output)
        assert beside["step"] == name
        assert beside["inputs"]
        assert "missing" not in beside["inputs"].values()
        assert beside["parameters"].items() >= parameters.items()
        assert set(beside) >= {"git_commit", "libraries", "wall_seconds"}
    assert [path.name for path in executed.parent.iterdir()] == [executed.name]
    assert in_the_repository() == before


def test_a_setting_is_given_by_its_own_name_or_in_its_dict(tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    run("02_labeling", tmp_path, n=3, raw=30, settings={"collection": 0.5}, output=str(output))
    beside = made(output)
    assert beside["n"] == 3
    assert beside["parameters"].items() >= {"n": 3, "raw": 30, "collection": 0.5, "shots": 1, "priced_as": "gpt-4"}.items()
    assert beside["dollars_before"] == pytest.approx(3 * 0.5)
    assert "Human examples that the shots are drawn from" in text_of(tmp_path / "02_labeling.ipynb")
