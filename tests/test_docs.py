"""README and docs: short, with links that lead somewhere, and examples that are accepted."""

import re
from pathlib import Path

import pytest
import yaml

from lib.core import paths
from lib.core.config import Loader
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
    loaded = [yaml.load(block, Loader=Loader) for block in blocks]
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
