"""README and docs: short, with links that lead somewhere, and examples that are accepted."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from declared import names_taken

from lib.core import paths
from lib.core.config import _Loader
from lib.core.tasks import Card
from lib.study.schema import Study

README = paths.ROOT / "README.md"
PAGES = [
    README,
    paths.ROOT / "CONTRIBUTING.md",
    *sorted(paths.ROOT.glob("docs/*.md")),
    *sorted(paths.ROOT.glob("data/*/README.md")),
    paths.ROOT / "benchmarks" / "README.md",
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"^(?:papermill|make) (?:.*\\\n|'[^']*'|[^'\n])*", re.MULTILINE)
"""A command in the pages, with the lines that it goes on in."""
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub links to them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def relative_links() -> list[tuple[Path, str]]:
    links = []
    for page in PAGES:
        links += [(page, link) for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    return links


def examples(key: str) -> list[dict[str, object]]:
    """The YAML examples of all pages that have this key."""
    blocks = [block for page in PAGES for block in YAML.findall(page.read_text(encoding="utf-8"))]
    loaded = [yaml.load(block, Loader=_Loader) for block in blocks]
    return [example for example in loaded if key in example]


def test_the_readme_has_at_most_900_words() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= 900


@pytest.mark.parametrize(("page", "link"), relative_links(), ids=lambda value: getattr(value, "name", value))
def test_links_lead_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


def test_every_page_is_linked_from_the_readme() -> None:
    links = LINK.findall(README.read_text(encoding="utf-8"))
    assert {f"docs/{page.name}" for page in paths.ROOT.glob("docs/*.md")} <= set(links)


def test_cards_in_the_docs_are_accepted() -> None:
    cards = [Card.model_validate(example) for example in examples("kind")]
    assert [card.name for card in cards] == ["tickets"]


def test_studies_in_the_docs_are_accepted() -> None:
    """Their own cards are not there."""
    studies = examples("question")
    for study in studies:
        tasks = [task for task in study["tasks"] if not task.endswith(".yaml")]  # type: ignore[attr-defined]
        Study.model_validate(study | {"tasks": tasks or ["news"]})
    assert len(studies) == 2


def commands(program: str) -> list[list[str]]:
    """The words of each command of the pages that calls this program."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```|`([^`\n]+)`", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            texts = COMMAND.findall("".join(block))
            found += [words for text in texts if (words := shlex.split(text, comments=True))[0] == program]
    return found


def test_parameters_in_the_docs_are_those_of_the_notebooks() -> None:
    runs = [words for words in commands("papermill") if len(words) > 3]
    assert len(runs) >= 8
    for words in runs:
        named = {words[at + 1] for at, word in enumerate(words) if word == "-p"}
        listed = [yaml.safe_load(words[at + 1]) for at, word in enumerate(words) if word == "-y"]
        assert named.union(*listed) <= names_taken(Path(words[1]).stem), words


def test_targets_and_studies_in_the_docs_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (paths.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    studies = {path.stem for path in paths.STUDIES.glob("*.yaml")} | {"mine.yaml", "NAME"}
    for words in commands("make"):
        named = {word.removeprefix("STUDY=") for word in words if word.startswith("STUDY=")}
        assert {word for word in words[1:] if "=" not in word} <= targets, words
        assert named <= studies, words


@pytest.mark.parametrize(("user", "allowed"), [("0", True), ("1000", False)])
def test_jupyterlab_starts_as_root_too_and_takes_flags(tmp_path: Path, user: str, allowed: bool) -> None:
    """In a container everybody is root."""
    told = tmp_path / "id"
    told.write_text(f"#!/bin/sh\necho {user}\n", encoding="utf-8")
    told.chmod(0o755)
    command = ["make", "-n", "-o", "setup", "lab", "FLAGS=--port 9999"]
    said = subprocess.run(
        command, cwd=paths.ROOT, capture_output=True, text=True, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    assert ("--allow-root" in said.stdout, "--port 9999" in said.stdout) == (allowed, True)
