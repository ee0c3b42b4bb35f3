"""What `make publish` copies."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from lib.core import paths
from lib.study.publish import _examples, _pictures
from lib.study.workflow import Studies


def executed(file: Path, *pictures: bytes) -> str:
    """A notebook with a cell for each picture that it shows, after one that prints."""
    outputs: list[dict[str, Any]] = [{"output_type": "stream", "name": "stdout", "text": "12 examples"}]
    outputs += [{"output_type": "display_data", "data": {"image/png": base64.b64encode(png).decode()}} for png in pictures]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"metadata": {}, "cells": [{"outputs": [output]} for output in outputs]}), encoding="utf-8")
    return str(file)


def test_of_02_and_04_the_first_figure_is_published_where_figures_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    notebooks = [
        executed(tmp_path / "runs/mine/news/02_labeling/few_shot.ipynb"),
        executed(tmp_path / "runs/mine/news/02_labeling/zero_shot.ipynb", b"first", b"second"),
        executed(tmp_path / "runs/mine/news/04_training/1of1.ipynb", b"curve"),
    ]
    published = tmp_path / "figures/mine"
    published.mkdir(parents=True)
    (published / "02_labeling.png").write_bytes(b"of another day")
    assert list(_pictures(cast(Any, SimpleNamespace(name="mine", notebooks=notebooks)))) == ["figures/mine/02_labeling.png"]
    assert (published / "02_labeling.png").read_bytes() == b"first"
    assert [file.name for file in published.iterdir()] == ["02_labeling.png"]


def test_sets_in_the_words_of_another_source_do_not_replace_those_of_the_embedded_data(tmp_path: Path) -> None:
    """Their files, of which none was made here, are not even looked for."""
    study = {"question": "Which?", "tasks": ["sentiment"], "source": "sst2", "generation": {"methods": ["zero_shot"]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study | {"budgets": {"budgets": [1], "shares": [0]}}), encoding="utf-8")
    [steps] = Studies([str(tmp_path / "mine.yaml")]).steps.values()
    assert list(_examples(steps.tasks["sentiment"])) == []
