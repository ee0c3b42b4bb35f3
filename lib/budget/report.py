"""What a study found, on a page: the recommendation in words, its figures and tables, and how they were made. One HTML file that
needs nothing beside it; whatever comes from a table or a file name is escaped."""

import base64
import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas import DataFrame

from lib.budget.planner import FAR, in_dollars
from lib.core import paths
from lib.core.artifacts import Step, save_made
from lib.plotting import EMBEDDED_NOTE, named

STAND_INS = (
    "From stand-in data, written by a language model in place of people: it shows that the software works and is no advice."
)
HOW = (
    "A surface was fitted to the scores of all runs of a method and of people alone (lib/budget/surface.py: a power law in what "
    "human and synthetic examples are worth together, with a ceiling for either, by robust least squares); intervals are the "
    "middle 90% of refits with random weights for runs and mixes. The method was picked by its scores on the same test set, "
    "which flatters it."
)
STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; max-width: 56em; margin: 1.5em auto; padding: 0 1em; color: #222; }
h1 { font-size: 1.35em; margin: 0 0 .4em; }
h2 { font-size: 1.05em; margin: 1.1em 0 .3em; }
.answer { font-size: 1.08em; border-left: 4px solid #0173b2; padding-left: .8em; margin: .5em 0; }
.figures { display: flex; flex-wrap: wrap; gap: .6em; align-items: flex-start; }
.figures img { max-width: 100%; max-height: 21em; }
table { border-collapse: collapse; font-size: .82em; }
td, th { padding: .15em .55em; text-align: right; border-bottom: 1px solid #ddd; }
.how { font-size: .78em; color: #555; overflow-wrap: anywhere; }
@media print {
  body { font-size: 9pt; margin: 0; max-width: none; }
  .figures img { max-height: 6.2cm; }
  h2, img, tr { break-inside: avoid; }
}
"""


# ---- in words ----


def recommendation(row: Any, of_methods: int, metric: str = "score", data: str = "") -> str:
    """What to buy with a budget and how sure that is, in two sentences; then what limits it, if anything does."""
    shown = f" (beside the {row.shown:g} that its prompts show)" if row.shown else ""
    synthetic = f" and {row.n_synthetic:,.0f} by {named(row.method)}" if row.n_synthetic else ""
    between = f"90% interval: {percent(row.people_low)} to {percent(row.people_high)}"
    said = (
        f"With {in_dollars(row.budget)} on {row.task}, spend {percent(row.people)} on people ({between}): "
        f"{row.n_human:,.0f} human examples{shown}{synthetic}. Expect {article(named(metric))} {named(metric)} of "
        f"{score(row.mean)} ({score(row.low)} to {score(row.high)}), where people alone would give {score(row.human_alone)} and "
        f"the teacher alone {score(row.synthetic_alone)}"
    )
    said += f"; of {of_methods} methods this one is best in {percent(row.best_of)} of refits." if of_methods > 1 else "."
    return " ".join([said, *limits(row), *([STAND_INS] if data == EMBEDDED_NOTE else [])])


def limits(row: Any) -> list[str]:
    """What makes an answer weaker than its interval says."""
    found = []
    if row.limited:
        found.append(f"Not all the money is spent: this keeps to {FAR:g} times what any run learned from.")
    elif row.beyond:
        found.append("It is more than any run learned from.")
    if row.dry:
        found.append("The pool at hand holds fewer.")
    return found


def article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def percent(part: float) -> str:
    return f"{part:.1%}".replace(".0%", "%")


def score(value: float) -> str:
    return "an unknown score" if value != value else f"{value:.2f}".removeprefix("0")


def recommendations(plan: DataFrame, metrics: Mapping[str, str], data: Mapping[str, str]) -> list[str]:
    """A sentence or two for each task: its chosen method at its largest budget."""
    found = []
    for task, rows in plan.groupby("task", sort=False):
        *_, top = rows[rows.chosen].sort_values("budget").itertuples()
        found.append(recommendation(top, rows.method.nunique(), metrics.get(str(task), "score"), data.get(str(task), "")))
    return found


def reasons(*refused: Mapping[tuple[str, str], str]) -> list[str]:
    """Why there is no answer, methods of a task with the same reason together."""
    methods: dict[tuple[str, str], list[str]] = {}
    for (task, method), said in (pair for one in refused for pair in one.items()):
        methods.setdefault((task, said.partition(": ")[2]), []).append(method)
    return [f"{task}, {', '.join(names)}: {said}" for (task, said), names in methods.items()]


def as_markdown(sentences: Iterable[str], gaps: Iterable[str]) -> str:
    """For a notebook; nothing in them is taken for markup."""
    lines = [f"> {escaped(said)}" for said in sentences] + [f"*{escaped(said)}*" for said in gaps]
    return "\n\n".join(lines)


def escaped(text: str) -> str:
    """A dollar sign, too: it would begin a formula."""
    text = html.escape(text, quote=False)
    for sign in "\\`*_$[]#|":
        text = text.replace(sign, f"\\{sign}")
    return text


# ---- the page ----


def write(
    path: str,
    title: str,
    sentences: Sequence[str],
    gaps: Sequence[str],
    tables: Mapping[str, DataFrame],
    figures: Sequence[str],
    step: Step,
) -> str:
    """Writes the page with figures that were saved (their files, as plots.save returns them); returns its path."""
    drawn = [path for path in dict.fromkeys(figures) if path.endswith(".png")]
    said = "".join(f'<p class="answer">{html.escape(text)}</p>' for text in sentences) or "<p>The runs give no answer.</p>"
    said += "".join(f"<p>{html.escape(text)}</p>" for text in gaps)
    shown = "".join(picture(name) for name in drawn)
    numbers = "".join(f"<h2>{html.escape(name)}</h2>{as_html(table)}" for name, table in tables.items() if len(table))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
        f'<h1>{html.escape(title)}</h1>{said}<div class="figures">{shown}</div>{numbers}<h2>How it was made</h2>'
        f'<p class="how">{html.escape(HOW)}</p><p class="how">{html.escape(how(step))}</p></html>\n'
    )
    written = paths.write_whole(path, lambda file: file.write_text(page, encoding="utf-8"))
    save_made(path, step.made())
    return paths.relative(written)


def picture(path: str) -> str:
    data = base64.b64encode(paths.resolve(path).read_bytes()).decode()
    words = html.escape(Path(path).stem.replace("_", " "))
    return f'<img alt="{words}" title="{words}" src="data:image/png;base64,{data}">'


def as_html(table: DataFrame) -> str:
    """Numbers short enough to be read."""
    found: str = table.to_html(index=False, border=0, escape=True, na_rep="", float_format=lambda value: f"{value:.3g}")
    return found


def short(plan: DataFrame) -> DataFrame:
    """What a reader wants of the plan, in few columns, so that they fit on a page."""

    return pd.DataFrame(
        {
            "task": plan.task,
            "method": plan.method.map(named),
            "budget": plan.budget.map(in_dollars),
            "for people": with_interval(plan.people, plan.people_low, plan.people_high, percent),
            "human": plan.n_human.map("{:,.0f}".format),
            "synthetic": plan.n_synthetic.map("{:,.0f}".format),
            "score": with_interval(plan["mean"], plan.low, plan.high, score),
            "people alone": plan.human_alone.map(score, na_action="ignore"),
            "teacher alone": plan.synthetic_alone.map(score, na_action="ignore"),
        }
    )


def with_interval(middle: Iterable[float], low: Iterable[float], high: Iterable[float], say: Callable[[float], str]) -> list[str]:
    return [f"{say(one)} ({say(least)} to {say(most)})" for one, least, most in zip(middle, low, high, strict=True)]


def how(step: Step) -> str:
    """Parameters, inputs and versions; not the time it took, so that the same study gives the same page."""
    made = {name: value for name, value in step.made().items() if name != "wall_seconds"}
    return "; ".join(f"{name}: {json.dumps(value, default=str, ensure_ascii=False)}" for name, value in made.items())
