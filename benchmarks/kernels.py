"""What a notebook's start costs: papermill with an ordinary kernel, and with one that a warm server forks, by turns.

`python benchmarks/kernels.py` runs a notebook that imports what 04 imports and does nothing else; its last line is JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import nbformat

from lib.core import paths
from lib.study.warm_kernels import warm_kernels


def _imports_of(notebook: str, folder: Path) -> Path:
    """A notebook with only the import cell of another."""
    whole = nbformat.read(paths.ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4)
    [cell] = [cell for cell in whole.cells if cell.cell_type == "code" and "autoreload" in cell.source]
    cell.source = "\n".join(line for line in cell.source.splitlines() if not line.startswith(("parameters", "config", "%")))
    whole.cells = [cell]
    nbformat.write(whole, folder / "start.ipynb")
    return folder / "start.ipynb"


def _seconds(notebook: Path, environment: dict[str, str]) -> float:
    command = ["papermill", "-k", "python3", "--no-progress-bar", "--log-level", "ERROR", str(notebook), os.devnull]
    started = time.monotonic()
    subprocess.run(command, env=os.environ | environment, check=True, capture_output=True, cwd=paths.ROOT)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebook", default="04_training")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    ordinary, warm = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder, warm_kernels() as environment:
        notebook = _imports_of(options.notebook, Path(folder))
        first = _seconds(notebook, environment)  # It waits for the server's imports.
        for _ in range(options.times):
            ordinary.append(_seconds(notebook, {}))
            warm.append(_seconds(notebook, environment))
    medians = {"ordinary": statistics.median(ordinary), "warm": statistics.median(warm)}
    print(f"the first warm one, with the server's imports: {first:.1f} s")
    print(
        json.dumps(
            {name: round(value, 2) for name, value in medians.items()}
            | {"ratio": round(medians["warm"] / medians["ordinary"], 3)}
        )
    )


if __name__ == "__main__":
    main()
