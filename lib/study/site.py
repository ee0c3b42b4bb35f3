"""The site's pages as Markdown, laid out like the repository, for mkdocs to build: `make site`.

What people wrote is copied; notebooks, studies, findings and the packages' faces are written anew from what is there today.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from lib.core import paths
from lib.study.site_faces import faces
from lib.study.site_notebooks import write_notebooks
from lib.study.site_tables import findings, gallery

_WRITTEN = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*", "benchmarks/README.md", "data/**/*.md")
_DRAWN = ("figures/*/*.png", "figures/*/*.csv", "data/*/croissant.json")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


def write_pages(target: Path) -> None:
    """Writes all that the site is built from into a folder, in place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    files = list(_files())
    for file in files:
        copy = target / file.relative_to(paths.ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            copy.write_text(_linked(file, set(files)), encoding="utf-8")
        else:
            shutil.copyfile(file, copy)
    write_notebooks(target / "notebooks")
    for name, page in (("studies", gallery()), ("findings", findings()), ("api", faces())):
        (target / f"{name}.md").write_text(page, encoding="utf-8")


def _files() -> Iterator[Path]:
    """The files that are on the site as they are in the repository."""
    for pattern in (*_WRITTEN, *_DRAWN):
        yield from sorted(file for file in paths.ROOT.glob(pattern) if file.is_file())


def _linked(page: Path, files: set[Path]) -> str:
    """A page's text, with links that lead to other pages of the site."""
    return _LINK.sub(lambda link: _site_link(page, link[1], link[2], files), page.read_text(encoding="utf-8"))


def _site_link(page: Path, text: str, link: str, files: set[Path]) -> str:
    """A link as it is on the site; its text alone where it leads to what is in the repository only."""
    parts = urlsplit(link)
    target = (page.parent / parts.path).resolve()
    if parts.scheme or not parts.path or target in files or not target.exists():
        return f"[{text}]({link})"
    up = "../" * len(page.relative_to(paths.ROOT).parents[:-1])
    if target.parent == paths.ROOT / "notebooks":
        return f"[{text}]({up}notebooks/{target.stem}.md)"
    if target.parent == paths.STUDIES:
        return f"[{text}]({up}studies.md#{target.stem})"
    return text


if __name__ == "__main__":
    write_pages(paths.resolve(sys.argv[1]))
