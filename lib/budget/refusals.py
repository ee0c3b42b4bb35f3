"""Whether runs determine an answer at all: enough mixes, scores that change with the mix, and students that learned something."""

from collections.abc import Iterator, Sequence

import numpy as np
from pandas import DataFrame
from scipy.stats import chi2, f, norm

from lib.budget.mix_means import LEAST, MixMeans
from lib.core.mixes import NONE

_FEWEST_MIXES = 5
_LEVEL = 0.05
"""Significance level of the tests whether scores depend on the mix, and whether students are better than chance."""
_PARAMETERS = 4
"""The eight parameters of a surface count as so many in a test, as priors hold them."""


class CannotTell(ValueError):
    """The runs of a task and method do not determine an answer; the reason says which ones are missing."""

    def __init__(self, task: str, method: str, reason: str):
        super().__init__(f"{task}, {method}: {reason}")
        self.task, self.method, self.reason = task, method, reason


def method_in(rows: DataFrame) -> str:
    """The method of rows of one method and of people alone."""
    return next((str(name) for name in rows.method if name != NONE), NONE)


def _refuse(rows: DataFrame, reason: str) -> None:
    raise CannotTell(str(rows.task.iloc[0]), method_in(rows), reason)


def check_can_tell(rows: DataFrame) -> None:
    """Refuses rows that would fit any surface; the error names runs that would help."""
    cells = rows[["n_human", "n_synthetic"]].drop_duplicates()
    if missing := list(_missing_runs(cells)):
        mixes = f"{len(cells)} mix{'es' * (len(cells) > 1)}"
        _refuse(rows, f"{mixes} cannot tell what a mix is worth; it needs runs at {' and at '.join(missing)}.")


def check_changes(rows: DataFrame, means: MixMeans, residuals: np.ndarray, *, lean: np.ndarray) -> None:
    """Refuses scores that differ no more than seeds and the lean of a test set (`lean`, at each mix) explain: by a chi-squared
    test of one score for all mixes or, where no mix has two seeds, by an F test against the surface's residuals."""
    covariance = np.diag(means.error**2) + np.outer(lean, lean)
    inverse = np.linalg.inv(covariance)
    off = means.mean - (inverse.sum(axis=0) @ means.mean) / inverse.sum()
    if (means.seeds > 1).any():
        p = chi2.sf(off @ inverse @ off, len(off) - 1)
    else:
        total, within = float((off**2).sum()), float((residuals**2).sum())
        degrees = max(1, len(off) - _PARAMETERS - 1)
        p = f.sf((total - within) / _PARAMETERS / max(within / degrees, LEAST**2), _PARAMETERS, degrees)
    if np.ptp(means.mean) < LEAST or p > _LEVEL:
        h, s = int(rows.n_human.max()), int(rows.n_synthetic.max())
        _refuse(
            rows,
            "the scores do not change with the mix beyond what seeds and the choice of the test items do; it needs runs "
            f"at more examples (n_human = {2 * h}, n_synthetic = {2 * s}), with more seeds or on more test items.",
        )


def check_learned(rows: DataFrame, best: float, error: float, *, chance: float | None) -> None:
    """Refuses students whose best score is not above chance by more than its error (of seeds and test items) explains."""
    if chance is not None and norm.sf((best - chance) / max(error, LEAST)) > _LEVEL:
        _refuse(
            rows,
            f"it is not sure that anything was learned: the best mix has {best:.3f}, with a standard error of {error:.3f}, "
            f"and who learned nothing has {chance:.3f}; it needs more examples, more test items or another student.",
        )


def _missing_runs(cells: DataFrame) -> Iterator[str]:
    """The fewest runs that are missing, as text: two sizes of either kind, one of them alone, and five mixes in all."""
    human, synthetic = (sorted(set(cells[name]) - {0}) for name in ("n_human", "n_synthetic"))
    if len(human) < 2:
        yield f"n_human = {_sizes_text(_other_sizes(human))}"
    if len(synthetic) < 2:
        yield f"n_synthetic = {_sizes_text(_other_sizes(synthetic))}"
    if len(human) > 1 and len(synthetic) > 1:
        if not (cells.n_synthetic == 0).any() and not (cells.n_human == 0).any():
            yield f"n_synthetic = 0 beside n_human = {_sizes_text(human)}"
        elif len(cells) < _FEWEST_MIXES:
            trained = {(0, 0), *zip(cells.n_human, cells.n_synthetic, strict=True)}
            corners = [(h, s) for h in (human[-1], human[0], 0) for s in (synthetic[-1], synthetic[0], 0)]
            wanted = [mix for mix in corners if mix not in trained][: _FEWEST_MIXES - len(cells)]
            yield "(n_human, n_synthetic) = " + ", ".join(f"({h:g}, {s:g})" for h, s in wanted)


def _other_sizes(sizes: Sequence[int]) -> list[int]:
    """Sizes to add: one that differs from the only size so far; two where there is none."""
    if not sizes:
        return [50, 200]
    return [max(1, sizes[0] // 4) if sizes[0] > 1 else 4 * sizes[0]]


def _sizes_text(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size:g}" for size in sizes)
