"""The findings on real data, worked out again from the kept scores and diversity tables, without the texts: the tables, their
figure, and the lines in the docs.

python -m lib.study.findings
"""

import re
from collections.abc import Mapping

import numpy as np
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


def kept_measurements() -> Measured:
    """The rows and diversity tables that claims are tested on, with the budgets and shares of the study."""
    study = read_study("real")
    of_tasks = studies_by_task(study)
    budgets = sorted({budget for _, own in of_tasks.values() for budget in own.budgets.budgets})
    shares = {name: own.budgets.shares for name, (_, own) in of_tasks.items()}
    return Measured(_probes(), kept_diversity(), budgets, shares, chosen=read_chosen(study.chosen))


def _probes() -> DataFrame:
    """The rows of the study, tests out of domain among them."""
    return with_out_of_domain(read_scores([KEPT_SCORES]), [KEPT_SCORES])


def kept_diversity() -> dict[str, DataFrame]:
    """The diversity tables of the study, by task."""
    return read_diversity(sorted(paths.relative(path) for path in paths.ROOT.glob(f"{FINDINGS}/diversity_*.csv")))


def measured_teachers() -> Measured:
    """The rows of the study of several teachers, with their own scores on its test sets."""
    own = read_table(f"{TEACHERS}/teacher_and_students.csv").groupby(["task", "model"]).teacher.first()
    return Measured(read_scores([KEPT_TEACHERS]), {}, own_scores=own.to_dict())


def kept_claims() -> DataFrame:
    """The table of claims: on the rows of `real`, and on those of `teachers` the claim that `real` has no rows for."""
    of_real, of_teachers = claims_table(kept_measurements(), folder=FINDINGS), claims_table(measured_teachers(), folder=TEACHERS)
    places = {claim.claim: place for place, claim in enumerate(CLAIMS)}
    table = with_other_claims(of_real, of_teachers)
    return with_kept_sources(table.sort_values("claim", key=lambda claims: claims.map(places), ignore_index=True))


def with_other_claims(table: DataFrame, others: DataFrame) -> DataFrame:
    """A table with the rows of another one for claims that it lacks."""
    return pd.concat([table, others[~others.claim.isin(table.claim)]], ignore_index=True)


def kept_parts() -> DataFrame:
    """The effect of every set, with its interval over seeds: the students' answers, for one over test items, are not kept."""
    return with_other_claims(by_set(kept_measurements()), by_set(measured_teachers()))


def with_intervals_of_run(parts: DataFrame, of_run: DataFrame) -> DataFrame:
    """The effects of sets; where a run measured the same ones, with its intervals, which are over test items, too."""
    both = parts.merge(of_run, on=["claim", "measure", "task", "set"], how="left", suffixes=("", "_of_run"))
    same = np.isclose(both.effect, both.effect_of_run)
    for name in ("low", "high", "covers"):
        both[name] = both[f"{name}_of_run"].where(same, both[name])
    return both[parts.columns]


def with_kept_sources(table: DataFrame) -> DataFrame:
    """Findings that name, as the rows behind them, the files of this repository in place of those of a run."""
    rows = table.source.str.replace(f"{FINDINGS}/scores.csv", KEPT_SCORES, regex=False)
    rows = rows.str.replace(f"{TEACHERS}/scores.csv", KEPT_TEACHERS, regex=False)
    return table.assign(source=rows.str.replace(f"{FINDINGS}/chosen.csv", KEPT_CHOICES, regex=False))


def with_fine_tuned(table: DataFrame) -> DataFrame:
    """Findings with the effects by students whose upper layers are trained, too (`fine_tuned_...`), by those of whom all are
    (`all_layers_...`), and by probes of the same mixes and seeds (`same_probes_...`). They have no verdicts: tasks are few."""
    in_domain = read_scores([KEPT_STUDENTS], all_students=True)
    tuned = with_out_of_domain(in_domain, [KEPT_STUDENTS], all_students=True)
    return with_students(table, tuned, _probes(), kept_diversity())


def with_students(table: DataFrame, tuned: DataFrame, probes: DataFrame, diversity: Mapping[str, DataFrame]) -> DataFrame:
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
        judged = claims_table(Measured(rows, diversity)).reindex(columns=["claim", *OF_STUDENTS]).set_index("claim")
        of_students = table.claim.where(table.agree.notna())
        columns = {f"{called}_{name}": of_students.map(judged[name]) for name in OF_STUDENTS}
        table = table.assign(**columns)
    return table


def _write() -> None:
    """The figure, with its tables beside it, and the table in the docs."""
    plotting.use_style()
    claims, parts = kept_claims(), kept_parts()
    drawing = drawing_of_claims(claims, parts, pd.concat([_probes(), measured_teachers().scores]))
    if drawing.figure is None:
        raise ValueError(f"{KEPT_SCORES}: {drawing.caption}")
    plotting.save_figure(drawing.figure, f"{FINDINGS}/findings", drawing.caption)
    plt.close(drawing.figure)
    _save(with_fine_tuned(claims), f"{FINDINGS}/findings.csv")
    _save(with_intervals_of_run(parts, read_table(f"{FINDINGS}/findings_by_set.csv")), f"{FINDINGS}/findings_by_set.csv")
    lines = findings_markdown(read_table(f"{FINDINGS}/findings.csv"))
    _PAGE.write_text(_LINES.sub(lambda _: lines, _PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _save(table: DataFrame, file: str) -> None:
    safe_cells(table).to_csv(paths.resolve(file), index=False)


if __name__ == "__main__":
    _write()
