"""The five notebooks as pages of the site: as `make demo` executed them, with their figures as files beside the page."""

import io
import json
import re
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import MarkdownExporter
from PIL import Image

from lib.core import paths

_CODE = re.compile(r"^```python\n.*?^```$", re.MULTILINE | re.DOTALL)
_FENCE = "~~~~~~"
_FIGURE = re.compile(r"!\[png\]\(([^)]+)\)")


def write_notebooks(folder: Path) -> None:
    """Writes a page for each notebook."""
    folder.mkdir(parents=True, exist_ok=True)
    for stored in sorted((paths.ROOT / "notebooks").glob("*.ipynb")):
        _write_page(folder, stored, _executed(stored.stem))


def _executed(name: str) -> Path | None:
    """The first run of a notebook in the study demo that came to its end."""
    runs = sorted(paths.ROOT.glob(f"runs/demo/*/{name}/*.ipynb"))
    return next((run for run in runs if _is_whole(run)), None)


def _is_whole(run: Path) -> bool:
    """Whether a notebook ran to its end; one that runs now, or was killed, has no end."""
    try:
        done = json.loads(run.read_text(encoding="utf-8"))["metadata"]["papermill"]
    except (ValueError, KeyError):
        return False
    return bool(done["end_time"]) and not done["exception"]


def _write_page(folder: Path, stored: Path, run: Path | None) -> None:
    content = _readable(nbformat.read(run or stored, as_version=4))
    figures = f"{stored.stem}_files"
    resources = {"unique_key": stored.stem, "output_files_dir": figures}
    text, made = MarkdownExporter().from_notebook_node(content, resources)
    (folder / figures).mkdir(exist_ok=True)
    for path, data in made["outputs"].items():
        (folder / path).write_bytes(_small(data) if path.endswith(".png") else data)
    (folder / f"{stored.stem}.md").write_text(_page(text, run), encoding="utf-8")


def _readable(content: Any) -> Any:
    """The notebook without what a page cannot show: progress bars, and sliders that need a kernel. What it printed stands in
    fences, as lines that are only indented would be folded away with the code above them."""
    content.metadata["language_info"] = {"name": "python"}
    for cell in content.cells:
        outputs = cell.get("outputs", [])
        cell["outputs"] = [_fenced(output) for output in outputs if not _is_live(output)]
    return content


def _fenced(output: Any) -> Any:
    data = output.get("data", {})
    printed = output.get("text") or (data.get("text/plain") if set(data) == {"text/plain"} else None)
    if printed is None:
        return output
    return nbformat.v4.new_output("display_data", {"text/markdown": f"{_FENCE}text\n{printed.rstrip()}\n{_FENCE}"})


def _is_live(output: Any) -> bool:
    return output.get("name") == "stderr" or any("widget" in kind for kind in output.get("data", {}))


def _small(png: bytes) -> bytes:
    """A figure in 256 colours: a third of its bytes, and it looks the same."""
    smaller = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, Image.Quantize.FASTOCTREE).save(smaller, "PNG", optimize=True)
    return smaller.getvalue()


def _page(text: str, run: Path | None) -> str:
    """The exported text with its code folded away, but for the parameters, and a line that says what was run."""
    title, _, rest = text.strip().replace("\\$", "$").partition("\n")  # Notebooks escape what could begin a formula.
    rest = _CODE.sub(lambda code: _folded(code[0], "??? example", "Code"), rest)
    rest = rest.replace('??? example "Code"', '???+ example "Parameters"', 1)
    return f"---\nhide: [toc]\n---\n\n{title}\n\n{_origin(run)}\n{_FIGURE.sub(_lazy, rest)}\n"


def _folded(block: str, kind: str, title: str) -> str:
    indented = "\n".join(f"    {line}".rstrip() for line in block.splitlines())
    return f'{kind} "{title}"\n\n{indented}'


def _lazy(figure: re.Match[str]) -> str:
    return f"![figure]({figure[1]}){{ loading=lazy }}"


def _origin(run: Path | None) -> str:
    if run is None:
        return "!!! note\n\n    Not executed here: after `make demo`, `make site` shows this notebook with its results.\n"
    return f"*As `make demo` executed it: `{paths.relative(run)}`.*\n"
