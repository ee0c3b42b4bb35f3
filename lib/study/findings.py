"""The findings on real data, worked out again from the kept scores and diversity tables, without the texts: the table, its
figure, and its lines in the docs.

python -m lib.study.findings
"""

import re

from matplotlib import pyplot as plt
from pandas import DataFrame

from lib import plotting
from lib.budget import Measured, claims_figure, read_chosen, read_diversity, read_scores, with_out_of_domain
from lib.budget.findings import OF_STUDENTS, OTHER_STUDENTS, claims_table, findings_markdown
from lib.core import paths
from lib.core.artifacts import read_table, safe_cells
from lib.core.mixes import STUDENT_LEVELS
from lib.study.schema import read_study, studies_by_task

KEPT_SCORES, FINDINGS = "data/scores/real.csv.gz", "figures/real"
"""The rows of all runs of the study `real`, and where its figures and tables lie."""
KEPT_STUDENTS = "data/scores/students.csv.gz"
"""The rows of the study `students`: fine-tuned ones of a part of the tasks and mixes."""
KEPT_CHOICES = "data/scores/chosen.csv.gz"
"""The rows of `python -m lib.study.choosing real`, as the study names them."""
_PAGE = paths.ROOT / "docs" / "real-data.md"
_LINES = re.compile(r"(?<=<!-- findings -->\n).*(?=<!-- /findings -->)", re.DOTALL)


def kept_measurements() -> Measured:
    """The rows and diversity tables that claims are tested on, with the budgets and shares of the study."""
    study = read_study("real")
    of_tasks = studies_by_task(study)
    budgets = sorted({budget for _, own in of_tasks.values() for budget in own.budgets.budgets})
    shares = {name: own.budgets.shares for name, (_, own) in of_tasks.items()}
    diversity = read_diversity(sorted(paths.relative(path) for path in paths.ROOT.glob(f"{FINDINGS}/diversity_*.csv")))
    scores = with_out_of_domain(read_scores([KEPT_SCORES]), [KEPT_SCORES])
    return Measured(scores, diversity, budgets, shares, chosen=read_chosen(study.chosen))


def with_kept_sources(table: DataFrame) -> DataFrame:
    """Findings that name, as the rows behind them, the files of this repository in place of those of a run."""
    rows = table.source.str.replace(f"{FINDINGS}/scores.csv", KEPT_SCORES)
    return table.assign(source=rows.str.replace(f"{FINDINGS}/chosen.csv", KEPT_CHOICES))


def with_fine_tuned(table: DataFrame) -> DataFrame:
    """Findings with the effects by students whose upper layers are trained, too (`fine_tuned_...`), by those of whom all are
    (`all_layers_...`), and by probes of the same mixes and seeds (`same_probes_...`). They have no verdicts: tasks are few."""
    return with_students(table, read_scores([KEPT_STUDENTS], all_students=True), read_scores([KEPT_SCORES]))


def with_students(table: DataFrame, tuned: DataFrame, probes: DataFrame) -> DataFrame:
    """The findings of probes with the effects by other students of a part of their runs."""
    run = ["task", "method", "n_human", "n_synthetic", "seed"]
    of_all_layers = tuned[STUDENT_LEVELS].notna()
    rows_of = {
        "fine_tuned": tuned[~of_all_layers],
        "all_layers": tuned[of_all_layers],
        "same_probes": probes.merge(tuned[run].drop_duplicates(), on=run),
    }
    for called in OTHER_STUDENTS:
        rows = rows_of[called].drop(columns=STUDENT_LEVELS, errors="ignore")
        judged = claims_table(Measured(rows, {})).set_index("claim")
        of_students = table.claim.where(table.agree.notna())
        columns = {f"{called}_{name}": of_students.map(judged[name]) for name in OF_STUDENTS}
        table = table.assign(**columns)
    return table


def _write() -> None:
    """The figure, with its table beside it, and the table in the docs."""
    plotting.use_style()
    drawing = claims_figure(kept_measurements(), FINDINGS)
    if drawing.figure is None or drawing.table is None:
        raise ValueError(f"{KEPT_SCORES}: {drawing.caption}")
    plotting.save_figure(drawing.figure, f"{FINDINGS}/{drawing.name}", drawing.caption)
    plt.close(drawing.figure)
    table = f"{FINDINGS}/{drawing.name}.csv"
    safe_cells(with_fine_tuned(with_kept_sources(drawing.table))).to_csv(paths.resolve(table), index=False)
    lines = findings_markdown(read_table(table))
    page = _PAGE.read_text(encoding="utf-8")
    _PAGE.write_text(_LINES.sub(lambda _: lines, page), encoding="utf-8")


if __name__ == "__main__":
    _write()
