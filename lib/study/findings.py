"""The findings on real data, worked out again from the kept scores and diversity tables, without the texts: the tables, their
figure, and the lines in the docs.

python -m lib.study.findings
"""

import re

import pandas as pd
from matplotlib import pyplot as plt
from pandas import DataFrame

from lib import plotting
from lib.budget import Measured, by_set, read_chosen, read_diversity, read_scores, with_out_of_domain
from lib.budget.claims import CLAIMS
from lib.budget.findings import OF_STUDENTS, OTHER_STUDENTS, claims_table, findings_markdown
from lib.budget.plots import drawing_of_claims
from lib.core import paths
from lib.core.artifacts import read_table, safe_cells
from lib.core.mixes import STUDENT_LEVELS
from lib.study.schema import read_study, studies_by_task

KEPT_SCORES, FINDINGS = "data/scores/real.csv.gz", "figures/real"
"""The rows of all runs of the study `real`, and where its figures and tables lie."""
KEPT_STUDENTS = "data/scores/students.csv.gz"
"""The rows of the study `students`: fine-tuned ones of a part of the tasks and mixes."""
KEPT_TEACHERS, TEACHERS = "data/scores/teachers.csv.gz", "figures/teachers"
"""The rows of the study `teachers`, which has teachers' own scores, and where its figures and tables lie."""
KEPT_CHOICES = "data/scores/chosen.csv.gz"
"""The rows of `python -m lib.study.choosing real`, as the study names them."""
_PAGE = paths.ROOT / "docs" / "real-data.md"
_LINES = re.compile(r"(?<=<!-- findings -->\n).*(?=<!-- /findings -->)", re.DOTALL)


def measured_real() -> Measured:
    """The rows and diversity tables of the study `real`, with its budgets and shares."""
    study = read_study("real")
    of_tasks = studies_by_task(study)
    budgets = sorted({budget for _, own in of_tasks.values() for budget in own.budgets.budgets})
    shares = {name: own.budgets.shares for name, (_, own) in of_tasks.items()}
    diversity = read_diversity(sorted(paths.relative(path) for path in paths.ROOT.glob(f"{FINDINGS}/diversity_*.csv")))
    return Measured(_scores(KEPT_SCORES), diversity, budgets, shares, chosen=read_chosen(study.chosen))


def measured_teachers() -> Measured:
    """The sets of the study `teachers` alone, with their teachers' own scores on the test sets: `real` has no such scores."""
    rows = read_scores([KEPT_TEACHERS])
    own = read_table(f"{TEACHERS}/teacher_and_students.csv").groupby(["task", "model"]).teacher.mean()
    return Measured(rows[rows.n_human == 0], {}, own_scores=own.to_dict())


def _scores(file: str, *, all_students: bool = False) -> DataFrame:
    """The rows of a file, tests out of domain among them."""
    rows = read_scores([file], all_students=all_students)
    return with_out_of_domain(rows, [file], all_students=all_students)


def claims_of(real: Measured, teachers: Measured) -> DataFrame:
    """The table of claims, those of teachers' own scores among them. Holm's correction is over the rows of `real`: the tasks of
    `teachers` are too few for a p-value."""
    both = [claims_table(real, folder=FINDINGS), claims_table(teachers, folder=TEACHERS)]
    places = {claim.claim: place for place, claim in enumerate(CLAIMS)}
    table = pd.concat(both).sort_values("claim", key=lambda claims: claims.map(places), ignore_index=True)
    return with_kept_sources(table)


def with_kept_sources(table: DataFrame) -> DataFrame:
    """Findings that name, as the rows behind them, the files of this repository in place of those of a run."""
    rows = table.source.str.replace(f"{FINDINGS}/scores.csv", KEPT_SCORES, regex=False)
    rows = rows.str.replace(f"{TEACHERS}/scores.csv", KEPT_TEACHERS, regex=False)
    return table.assign(source=rows.str.replace(f"{FINDINGS}/chosen.csv", KEPT_CHOICES, regex=False))


def with_fine_tuned(table: DataFrame, real: Measured) -> DataFrame:
    """Findings with the effects by students whose upper layers are trained, too (`fine_tuned_...`), by those of whom all are
    (`all_layers_...`), and by probes of the same mixes and seeds (`same_probes_...`). They have no verdicts: tasks are few."""
    return with_students(table, _scores(KEPT_STUDENTS, all_students=True), real)


def with_students(table: DataFrame, tuned: DataFrame, probes: Measured) -> DataFrame:
    """The findings of probes with the effects by other students of a part of their runs."""
    run = ["task", "method", "n_human", "n_synthetic", "seed", "evaluated_on"]
    of_all_layers = tuned[STUDENT_LEVELS].notna()
    rows_of = {
        "fine_tuned": tuned[~of_all_layers],
        "all_layers": tuned[of_all_layers],
        "same_probes": probes.scores.merge(tuned[run].drop_duplicates(), on=run),
    }
    for called in OTHER_STUDENTS:
        rows = rows_of[called].drop(columns=STUDENT_LEVELS, errors="ignore")
        judged = claims_table(Measured(rows, probes.diversity)).reindex(columns=["claim", *OF_STUDENTS]).set_index("claim")
        of_students = table.claim.where(table.agree.notna())
        columns = {f"{called}_{name}": of_students.map(judged[name]) for name in OF_STUDENTS}
        table = table.assign(**columns)
    return table


def _write() -> None:
    """The figure, with its tables beside it, and the table in the docs."""
    plotting.use_style()
    real, teachers = measured_real(), measured_teachers()
    claims, of_sets = claims_of(real, teachers), pd.concat([by_set(real), by_set(teachers)])
    drawing = drawing_of_claims(claims, of_sets, pd.concat([real.scores, teachers.scores]))
    if drawing.figure is None:
        raise ValueError(f"{KEPT_SCORES}: {drawing.caption}")
    plotting.save_figure(drawing.figure, f"{FINDINGS}/{drawing.name}", drawing.caption)
    plt.close(drawing.figure)
    _save(with_fine_tuned(claims, real), f"{FINDINGS}/findings.csv")
    _save(of_sets, f"{FINDINGS}/findings_by_set.csv")
    lines = findings_markdown(read_table(f"{FINDINGS}/findings.csv"))
    _PAGE.write_text(_LINES.sub(lambda _: lines, _PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _save(table: DataFrame, file: str) -> None:
    safe_cells(table).to_csv(paths.resolve(file), index=False)


if __name__ == "__main__":
    _write()
