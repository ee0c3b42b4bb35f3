"""Mistakes in the parameters, and an endpoint that refuses: one sentence, nothing written, no key anywhere."""

import logging
import os
from pathlib import Path
from typing import Any

import papermill as pm
import pytest
from endpoint import serving
from executing import first_error, run, text_of
from tiny_runs import ASKING, KEY, holds_key

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("surroundings")]


def fails(name: str, folder: Path, **parameters: Any) -> str:
    """The sentence that a notebook fails with."""
    with pytest.raises(pm.PapermillExecutionError) as caught:
        run(name, folder, **parameters)
    return str(caught.value.evalue)


def refusing(body: dict[str, Any], number: int) -> tuple[int, dict[str, Any]]:
    return 401, {
        "error": {"message": f"Incorrect API key provided: {KEY}. Find yours in your account.", "code": "invalid_api_key"}
    }


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("01_generation", {"tempreature": 0.7}, "Unknown notebook parameter 'tempreature'; there is task, source, method, n, "),
        ("01_generation", {"n": "12"}, "Notebook parameter 'n' is '12', but int is expected"),
        ("01_generation", {"task": "nwes"}, "Unknown task 'nwes'"),
        (
            "01_generation",
            {"method": "zero_shto"},
            "Unknown method 'zero_shto': there is zero_shot, zero_shot_topic, one_shot, few_shot_3, few_shot_5, few_shot, attributes, base_then_refine, fixed, random, contrastive, similar, tree, dialogues.",
        ),
        ("01_generation", {"teacher": "no-such-model"}, "No price is known for model 'no-such-model'."),
        (
            "02_labeling",
            {"method": "zero_shto"},
            "Unknown labeling method 'zero_shto': for task 'news' (text) there is zero_shot, few_shot.",
        ),
        ("02_labeling", {"shot": 2}, "Unknown notebook parameter 'shot'; there is task, source, split, examples, method, n, "),
        ("02_labeling", {"raw": 0}, "Notebook parameter 'settings': raw: Input should be greater than or equal to 1 (found 0)."),
        ("03_diversity", {"task": "claims"}, "Task 'claims' has no example sets"),
        ("04_training", {"epoch": 3}, "Unknown notebook parameter 'epoch'; there is task, source, examples, human_sizes, "),
        ("04_training", {"training": {"seeds": 2}}, "Notebook parameter 'training': 'seeds' is also a parameter by itself"),
        (
            "04_training",
            {"also_test": ["claimz"], "task": "strategy"},
            "There is no evaluation set 'claimz': give a task (",
        ),
        ("04_training", {"budgets": 0.9}, "Notebook parameter 'budgets' is 0.9, but list is expected"),
        ("05_budget", {"scores": ["none.csv"]}, "none.csv: no such file."),
        ("05_budget", {"human_price": -1.0}, "The price of a human example is -1.0; it must be a positive number of dollars."),
    ],
)
def test_a_mistake_is_said_in_one_sentence(name: str, parameters: dict[str, Any], said: str, tmp_path: Path) -> None:
    made_here = tmp_path / "made" / "out.parquet"
    where = {"figures" if name in ("03_diversity", "05_budget") else "output": str(made_here)}
    sentence = first_error(name, tmp_path, **where, **parameters)
    assert sentence.startswith(said)
    assert "\n" not in sentence
    assert sentence.rstrip(")").endswith(".")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["01_generation", "02_labeling"])
def test_a_key_that_the_endpoint_repeats_in_its_refusal_goes_nowhere(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    given = ASKING | {"store": str(tmp_path / "t.sqlite"), "output": str(tmp_path / "out.parquet")}
    with caplog.at_level(logging.DEBUG), serving(refusing) as served:
        sentence = fails(name, tmp_path, **given, base_url=served.url, n=2)
    assert {headers["authorization"] for headers in served.headers} == {f"Bearer {KEY}"}
    assert "refuses model 'm'" in sentence
    assert "[key]" in sentence
    assert "[key]" in text_of(tmp_path / f"{name}.ipynb")
    assert holds_key(tmp_path, caplog.text + "".join(capfd.readouterr())) == []
    assert os.environ["OPENAI_API_KEY"] == KEY
    assert not (tmp_path / "out.parquet").exists()
