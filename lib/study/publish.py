"""Copies what the repository shows of a study's run: figures and tables to figures/, example sets to data/examples."""

import base64
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from lib.core import artifacts, manifest, paths
from lib.study.run_summary import notebook
from lib.study.workflow import Studies, StudySteps, TaskSteps

_KEPT = ("step", "set", "teacher", "bill", "dollars_before", "human_shown", "account", "rows")
"""What the JSON beside a published example set says."""


_WITHOUT_FILES = ("02_labeling", "04_training")
"""Notebooks that show their figures and save none."""


def _publish(name: str) -> list[str]:
    """Publishes a study that has run; returns the files that were written."""
    [steps] = Studies([name]).steps.values()
    if not paths.resolve(steps.lists[-1]).is_file():
        raise ValueError(f"Study {name!r} has no results to publish: run it first (make study STUDY={name}).")
    written = [*_figures(steps), *_pictures(steps)]
    for task in steps.tasks.values():
        written += _examples(task)
    return written


def _figures(steps: StudySteps) -> Iterator[str]:
    """figures/STUDY holds a choice: what is there is written anew. A study of which nothing is there is copied whole."""
    target = paths.ROOT / "figures" / steps.name
    target.mkdir(parents=True, exist_ok=True)
    chosen = {file.name for file in target.iterdir()}
    for file in (Path(file) for path in steps.lists for file in manifest.read(path)):
        if file.name in chosen if chosen else file.suffix != ".html":
            _copy(file, target / file.name, steps)
            yield paths.relative(target / file.name)


def _copy(file: Path, target: Path, steps: StudySteps) -> None:
    """Tables name the folder that they lie in."""
    if file.suffix == ".csv":
        text = paths.resolve(file).read_text(encoding="utf-8")
        target.write_text(text.replace(steps.figures, f"figures/{steps.name}"), encoding="utf-8")
    else:
        shutil.copyfile(paths.resolve(file), target)


def _pictures(steps: StudySteps) -> Iterator[str]:
    """Of 02 and 04 the first figure that a run shows, where figures/STUDY has it already: the notebook opens with it."""
    for name in _WITHOUT_FILES:
        target = paths.ROOT / "figures" / steps.name / f"{name}.png"
        shown = [png for path in steps.notebooks if f"/{name}/" in path for png in _figures_shown(paths.resolve(path))]
        if target.is_file() and shown:
            target.write_bytes(shown[0])
            yield paths.relative(target)


def _figures_shown(executed: Path) -> Iterator[bytes]:
    outputs = [output for cell in notebook(executed)["cells"] for output in cell.get("outputs", [])]
    yield from (base64.b64decode(output["data"]["image/png"]) for output in outputs if "image/png" in output.get("data", {}))


def _examples(task: TaskSteps) -> Iterator[str]:
    """Example sets of recorded replies that lie in data/examples already, where they were asked for in the words of the embedded
    data as those are."""
    embedded = task.study.source in (None, task.card.default_source)
    for path in task.learned if embedded else ():
        target = paths.EXAMPLES / task.card.name / f"{artifacts.load_set(path).method}.parquet"
        made = artifacts.how_made(path)
        if target.is_file() and made["teacher"] == "recorded":
            shutil.copyfile(paths.resolve(path), target)
            kept = {key: made[key] for key in _KEPT if key in made}
            target.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            yield paths.relative(target)


if __name__ == "__main__":
    try:
        print(*_publish(sys.argv[1]), sep="\n")
    except ValueError as error:
        sys.exit(str(error))
