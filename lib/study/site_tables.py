"""Pages of the site that are written from data: the gallery of studies, and the findings."""

import csv
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import yaml

from lib.core import paths

_TELLING = ("findings", "effects", "best_mix_by_budget", "against_human", "score_by_ratio", "drift_*", "frequencies_*", "yield_*")
"""The figures that answer a study's question, the best one first."""
_COMMAND = re.compile(r"^# +((?:\w+=\S+ )*make study STUDY=.*)$", re.MULTILINE)
_CAP = re.compile(r"TEACHER=(\S+) BUDGET=(\S+)")


class _Entry(NamedTuple):
    """What the gallery says of a study."""

    name: str
    question: str
    about: str
    """Its tasks, or the scores that it reads."""
    takes: str | None
    command: str

    @property
    def dollars(self) -> str:
        """What it can cost: the cap in its command. Nobody is paid where no teacher is named there."""
        cap = _CAP.search(self.command)
        return f"at most ${cap[2]} ({cap[1]})" if cap else "$0"

    @property
    def time(self) -> str:
        """As the study says; what asks a model elsewhere takes as long as that model does."""
        return self.takes or ("not measured" if _CAP.search(self.command) else "minutes, a part of `make demo`")

    @property
    def figure(self) -> str | None:
        """The published figure that tells most, as the site names it."""
        found = [file for name in _TELLING for file in sorted(paths.ROOT.glob(f"figures/{self.name}/{name}.png"))]
        return paths.relative(found[0]) if found else None


def gallery() -> str:
    """The page of the studies: what each asks, what it takes, and a figure of its answer."""
    entries = [_entry(path) for path in sorted(paths.STUDIES.glob("*.yaml"))]
    entries.sort(key=lambda entry: (entry.figure is None, entry.name))
    rows = [[f"[{entry.name}](#{entry.name})", entry.question, entry.time, entry.dollars] for entry in entries]
    table = _table(["study", "question", "time", "dollars for the teacher"], rows)
    return "\n\n".join(["# Studies", _GALLERY, table, *map(_section, entries)]) + "\n"


_GALLERY = """A study is one file, `studies/NAME.yaml`: tasks, methods, sizes, budgets. This page is made from these
files and the published figures. Times are of two cores, without GPU. Studies named `demo...` run on stand-in data that a
language model wrote: they show that the software works. `measured`, `real` and `students` are of texts by people and by
models; `written`, `verbalized`, `refined` and `teachers` of texts that models wrote for public tasks, tested on people's."""


def _entry(path: Path) -> _Entry:
    text = path.read_text(encoding="utf-8")
    study, command = yaml.safe_load(text), _COMMAND.search(text)
    tasks, scores = study.get("tasks", []), study.get("scores", [])
    about = f"Tasks: {', '.join(tasks)}." if tasks else f"Scores: {', '.join(scores)}."
    command_line = command[1] if command else f"make study STUDY={path.stem}"
    return _Entry(path.stem, study["question"], about, study.get("takes"), command_line)


def _section(entry: _Entry) -> str:
    picture = f"![{entry.question}]({entry.figure}){{ loading=lazy }}" if entry.figure else "*No figure is published yet.*"
    return f"## {entry.name}\n\n**{entry.question}** {entry.about}\n\n{picture}\n\n```\n{entry.command}\n```"


def findings() -> str:
    """The page of the papers' claims: verdict, effect, and the rows and the command behind each."""
    with (paths.ROOT / "figures/real/findings.csv").open(encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
    counts = Counter(_verdict(row) for row in table).most_common()
    said = f"{len(table)} claims, by verdict: " + "; ".join(f"{verdict} ({number})" for verdict, number in counts) + "."
    head = ["claim", "test", "verdict", "by macro-F1 [95%]", "by accuracy [95%]", "by kind of task", "by fine-tuned students"]
    head += ["data", "students", "rows"]
    return (
        "\n\n".join(
            ["---\nhide: [toc]\n---\n\n# Findings", said, _FINDINGS, _table(head, [_finding(row) for row in table]), _BEHIND]
        )
        + "\n"
    )


_FINDINGS = """People wrote and labeled the human data; language models from GPT-2 XL to GPT-4 wrote the synthetic sets. An effect
above 0 is as the claim says. "Cannot tell" means: the data are too few for a verdict, not that the claim is wrong; p is after
Holm's correction over all claims. "Points" are hundredths of macro-F1, or of accuracy. Fine-tuned students are those of the study
`students` (data/scores/students.csv.gz), on a part of the tasks and mixes, by macro-F1. [Real data](docs/real-data.md) says it in
words and with its limits.

![Effect of each claim with its interval, over that of each task](figures/real/findings.png)"""


def _verdict(row: dict[str, str]) -> str:
    """By macro-F1 and by accuracy, where a claim is judged by both."""
    verdict, other = row["verdict"], row["accuracy_verdict"]
    return f"{verdict} by macro-F1, {other} by accuracy" if other not in ("", verdict) else verdict


def _finding(row: dict[str, str]) -> list[str]:
    claim = f"**{row['claim']}.** {row['sentence']} ({row['paper']})"
    p = f" (p {float(row['p_holm']):.2g})" if row["p_holm"] else ""
    data = f"{row['tasks']} tasks, {row['sets']} sets: {row['data']}"
    students = f"{row['students']}; {row['seeds']} seeds" if row["students"] else "none: texts alone"
    effects = [f"{_effect(row)} {row['unit']}", _effect(row, "accuracy_"), row["by_kind"], _by_fine_tuned(row)]
    return [claim, row["test"], f"**{_verdict(row)}**{p}", *effects, data, students, row["source"]]


def _by_fine_tuned(row: dict[str, str]) -> str:
    """The effect by students whose upper layers are trained, too, with that in each kind of task where there are several."""
    if not row.get("fine_tuned_effect"):
        return ""
    kinds = row["fine_tuned_by_kind"]
    return f"{_effect(row, 'fine_tuned_')} ({float(row['fine_tuned_tasks']):g} tasks)" + (f"; {kinds}" if kinds else "")


def _effect(row: dict[str, str], measure: str = "") -> str:
    """An effect with its interval, as far as they are known."""
    effect, low, high = (row[measure + name] for name in ("effect", "low", "high"))
    interval = f" [{float(low):+.2f}, {float(high):+.2f}]" if low else ""
    return f"{float(effect):+.2f}{interval}" if effect else ""


_BEHIND = """## The command behind each row

One command works out all rows and the figure, in less than a minute, from the [scores](data/scores/README.md) that were measured
and the diversity tables in `figures/real`, without the texts. The last column says which rows of a file a claim is tested on. One
claim is tested on the study `teachers`.

```
python -m lib.study.findings
```

From the texts themselves: `REAL_DATA=/path make study STUDY=real` ([real data](docs/real-data.md#run-it-again))."""


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *map(_escaped, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(row: list[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in row]
