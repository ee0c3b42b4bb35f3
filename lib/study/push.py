"""Pushes a study's example sets to the Hugging Face hub, with a card and a Croissant file.

`python -m lib.study.push STUDY USER/NAME` makes a private data set, for somebody to read before it is public; it takes the token
of `hf auth login`. `--to FOLDER` writes the same into a folder that is laid out like the hub, as HUB_MIRROR names one. It is a
command and no key of a study: who publishes data should have looked at them, and a run that repeats should publish nothing.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from huggingface_hub import HfApi

from lib.core import artifacts, paths
from lib.core.artifacts import ExampleSet
from lib.core.tasks import Card
from lib.study import croissant
from lib.study.workflow import Studies, StudySteps

_FREE_LICENSE = "apache-2.0"
_FREE_TEACHERS = ("recorded", "SmolLM2")
"""How the names of teachers begin whose texts can have the repository's licence."""


class _Pushed(NamedTuple):
    """An example set as the hub holds it."""

    config: str
    card: Card
    source: str
    examples: ExampleSet
    file: Path

    @property
    def free(self) -> bool:
        """Whether it can have the repository's licence."""
        return self.examples.teacher.startswith(_FREE_TEACHERS)


def write_folder(study: str, repository: str, root: Path) -> Path:
    """Writes the sets whose texts a teacher wrote under a root that is laid out like the hub; returns their folder."""
    if repository.count("/") != 1 or not all(map(paths.is_plain_name, repository.split("/"))):
        raise ValueError(f"{repository!r} is no name of a data set: give USER/NAME.")
    [steps] = Studies([study], dry=True).steps.values()
    found = _sets(steps)
    if not found:
        raise ValueError(f"Study {study!r} has no example sets to push: run it first (make study STUDY={study}).")
    folder = root.joinpath(*repository.split("/"))
    pushed = [_copied(entry, folder) for entry in found]
    (folder / "README.md").write_text(_card(steps, repository, pushed), encoding="utf-8")
    about = {
        "description": steps.study.question,
        "license": _license(pushed),
        "url": f"https://huggingface.co/datasets/{repository}",
    }
    tables = {entry.config: entry.file for entry in pushed}
    croissant.write_croissant(folder / "croissant.json", croissant.croissant(folder.name, folder, about=about, tables=tables))
    return folder


def _sets(steps: StudySteps) -> list[_Pushed]:
    """The sets that students learn from; without those whose texts people wrote."""
    found = []
    for task in steps.tasks.values():
        source = task.study.source or task.card.default_source
        for file in map(paths.resolve, task.learned):
            if file.is_file() and not (examples := artifacts.load_set(file)).name.of_human_texts:
                found.append(_Pushed(f"{task.card.name}_{examples.method}", task.card, source, examples, file))
    return found


def _copied(entry: _Pushed, folder: Path) -> _Pushed:
    target = folder / entry.config / "train.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(entry.file, target)
    return entry._replace(file=target)


def _license(pushed: Sequence[_Pushed]) -> str:
    return _FREE_LICENSE if all(entry.free for entry in pushed) else "other"


def _card(steps: StudySteps, repository: str, pushed: Sequence[_Pushed]) -> str:
    """The data set's card: its configs, who wrote the texts, what they may be used for."""
    files = [{"split": "train", "path": f"{entry.config}/train.parquet"} for entry in pushed]
    configs = [{"config_name": entry.config, "data_files": [file]} for entry, file in zip(pushed, files, strict=True)]
    head: dict[str, Any] = {"license": _license(pushed), "tags": ["synthetic"], "configs": configs}
    rows = [
        f"| `{entry.config}` | {entry.card.description} | {entry.examples.teacher} | {len(entry.examples.rows)} "
        f"| ${entry.examples.dollars:.4f} | {entry.examples.shown} of {entry.source} |"
        for entry in pushed
    ]
    table = "\n".join([_TABLE_HEAD, *rows])
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n# {repository}\n\n{steps.study.question}\n\n{table}\n\n{_ABOUT}\n\n{_terms(pushed)}\n"


_TABLE_HEAD = """| config | task | teacher | examples | price | human examples that prompts showed |
|---|---|---|---|---|---|"""

_ABOUT = """## Who wrote the texts

Language models wrote all texts and labels, each set by the teacher of its line; nobody has checked them one by one. `recorded`
is a large language model whose replies the repository holds (data/recordings). Sets whose texts people wrote are not in here.
Where prompts showed human examples, a text may be close to one of these. Do not use the texts as if people had written them."""


def _terms(pushed: Sequence[_Pushed]) -> str:
    """The part of the card on licences."""
    teachers = sorted({entry.examples.teacher for entry in pushed if not entry.free})
    if not teachers:
        return "## Licence\n\nApache-2.0, as the repository that made them."
    named = ", ".join(teachers)
    return f"## Licence\n\nThe terms of the providers of {named} hold for what these models wrote; Apache-2.0 for all else."


def _push(study: str, repository: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = write_folder(study, repository, Path(root))
        hub = HfApi()
        hub.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder, repo_type="dataset")
    print(
        f"Pushed to https://huggingface.co/datasets/{repository}: private if it is new; read its card before you make it public."
    )


def _main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m lib.study.push", description="Push a study's example sets to the hub.")
    parser.add_argument("study", help="the name of a study that has run")
    parser.add_argument("repository", help="USER/NAME on the hub")
    parser.add_argument("--to", type=Path, help="a folder laid out like the hub, in place of the hub")
    given = parser.parse_args(arguments)
    if given.to:
        print(write_folder(given.study, given.repository, given.to))
    else:
        _push(given.study, given.repository)


if __name__ == "__main__":
    try:
        _main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
