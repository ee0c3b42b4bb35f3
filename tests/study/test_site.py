"""The pages that `make site` builds from; the build itself is strict, and looks for pages over 3 MB."""

import ast
import base64
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from lib.core import paths
from lib.study import site, site_notebooks
from lib.study.site_faces import faces
from lib.study.site_tables import findings, gallery

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # One point.
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")


def settings() -> str:
    return (paths.ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_the_site_asks_no_other_host_for_anything() -> None:
    """The theme would load fonts, and its plugin for files a script, from elsewhere."""
    for line in ("  font: false", "  polyfills: [docs/iframe-worker.js]", "use_directory_urls: false", "docs_dir: .site"):
        assert line in settings()
    for file in ("site.css", "iframe-worker.js"):
        assert "//" not in re.sub(r"^//.*$", "", (paths.ROOT / "docs" / file).read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_every_page_of_docs_has_its_place_in_the_site() -> None:
    named = set(re.findall(r": (docs/\S+)$", settings(), re.MULTILINE))
    assert {f"docs/{page.name}" for page in paths.ROOT.glob("docs/*.md")} | {"docs/planner.html"} == named


def test_links_lead_to_pages_of_the_site_or_are_no_links() -> None:
    page = paths.ROOT / "docs" / "methods.md"
    files = {page, paths.ROOT / "docs" / "teacher.md"}
    led = {
        "teacher.md#prices": "[it](teacher.md#prices)",
        "../notebooks/05_budget.ipynb": "[it](../notebooks/05_budget.md)",
        "../studies/real.yaml": "[it](../studies.md#real)",
        "../data/tasks": "it",
        "https://arxiv.org/abs/2310.20111": "[it](https://arxiv.org/abs/2310.20111)",
        "#here": "[it](#here)",
    }
    assert {link: site._site_link(page, "it", link, files) for link in led} == led


def test_the_gallery_has_every_study_with_its_question_and_a_figure_where_one_is_published() -> None:
    page = gallery()
    for path in paths.STUDIES.glob("*.yaml"):
        section = page.partition(f"\n## {path.stem}\n")[2].partition("\n## ")[0]
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["question"] in section
        assert f"STUDY={path.stem}" in section
        assert bool(PICTURE.search(section)) == any((paths.ROOT / "figures" / path.stem).glob("*.png"))
    assert all((paths.ROOT / picture).is_file() for picture in PICTURE.findall(page))
    assert "| at most $25 (gpt-3.5-turbo) |" in page


def test_the_findings_have_a_line_for_each_claim_and_a_command_that_can_run() -> None:
    page = findings()
    lines = [line for line in page.splitlines() if line.startswith("| **")]
    assert len(lines) == len((paths.ROOT / "figures/real/findings.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert all(re.search(r"data/scores/(real|chosen|teachers)\.csv\.gz: |diversity", line) for line in lines)
    assert all(re.search("tweet_sentiment|mitmovie|agnews", line) for line in lines)
    [module] = re.findall(r"^python -m (\S+)$", page, re.MULTILINE)
    assert importlib.util.find_spec(module)


def test_the_page_of_faces_has_every_name_with_its_docstring() -> None:
    page = faces()
    for path in paths.ROOT.glob("lib/*/__init__.py"):
        lists = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)]
        for node in lists:
            if ast.unparse(node.targets[0]) == "__all__":
                section = page.partition(f"\n## lib.{path.parent.name}\n")[2].partition("\n## ")[0]
                assert re.findall(r"^### (\w+)$", section, re.MULTILINE) == ast.literal_eval(node.value)
    assert "No docstring." not in page
    assert "make_plan(" in page


def executed(path: Path, exception: bool | None) -> None:
    outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="100%"),
        nbformat.v4.new_output("stream", text="24 examples\n"),
        nbformat.v4.new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"}),
        nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "VBox()"}),
    ]
    cells = [
        nbformat.v4.new_markdown_cell("# 05 Budget\n\nWith \\$20."),
        nbformat.v4.new_code_cell("a: int = 1"),
        nbformat.v4.new_code_cell("draw()", outputs=outputs),
    ]
    papermill: Any = {"end_time": "2026-11-28" if exception is not None else None, "exception": exception}
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"papermill": papermill}), path)


def test_a_notebook_is_shown_as_the_demo_ran_it_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    for task, exception in (("a", True), ("b", None), ("c", False)):
        executed(tmp_path / "runs/demo" / task / "05_budget/all.ipynb", exception)
    executed(tmp_path / "notebooks/05_budget.ipynb", None)
    site_notebooks.write_notebooks(tmp_path / "pages")
    page = (tmp_path / "pages/05_budget.md").read_text(encoding="utf-8")
    assert "\n# 05 Budget\n" in page
    assert "\n~~~~~~text\n24 examples\n~~~~~~\n" in page
    assert "As `make demo` executed it: `runs/demo/c/05_budget/all.ipynb`." in page
    assert "With $20." in page
    assert "VBox" not in page
    assert "100%" not in page
    assert '???+ example "Parameters"\n\n    ```python\n    a: int = 1\n    ```' in page
    assert '??? example "Code"\n\n    ```python\n    draw()\n    ```' in page
    [figure] = PICTURE.findall(page)
    assert (tmp_path / "pages" / figure).read_bytes().startswith(base64.b64decode(PNG)[:8])
    assert "{ loading=lazy }" in page


def test_a_notebook_that_did_not_run_is_shown_as_it_is_stored_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    executed(tmp_path / "notebooks/05_budget.ipynb", None)
    half = tmp_path / "runs/demo/a/05_budget/all.ipynb"
    half.parent.mkdir(parents=True)
    half.write_text(json.dumps({"cells": []})[:-3], encoding="utf-8")
    site_notebooks.write_notebooks(tmp_path / "pages")
    assert "Not executed here: after `make demo`" in (tmp_path / "pages/05_budget.md").read_text(encoding="utf-8")
