"""A student's score as a function of how many human and how many synthetic examples it learned from.

There is one surface for each task and method. The first synthetic example is worth k human ones; the worth of one more falls as
their number s grows, and S is the number at which half of their total worth is lost: g = k s / (1 + s / S). Pretraining is worth
n0 human examples, so that with h human ones the total is t = n0 + h + g. A mix can be worth more or less than the sum of its
parts (c above or below 1). The error falls with this worth as a power law, to a floor. Synthetic examples lower the score by B
times their part of t, so that they have a ceiling of their own:

    score = 1 - floor - gain (worth / n0)^-alpha - B g / t        worth = t + (c - 1) h g / t

The score never falls with h. It may fall with s, where many poor examples outweigh a few good ones. All eight parameters are
positive, so their logarithms are fitted, by robust least squares (soft_l1) on every run. A few cells do not determine eight
parameters, so each has a wide prior, and intervals show the remaining uncertainty. They come from refits in which each run and
each cell gets a random weight (the Bayesian bootstrap: no cell ever vanishes) and each prior is shifted at random by its width.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.optimize import least_squares
from scipy.stats import f

from lib.core.mixes import NONE
from lib.core.progress import Bar

DRAWS = 1000
_WIDTHS = {"floor": 0.7, "gain": 0.7, "n0": 1.5, "alpha": 0.6, "k": 1.5, "S": 1.7, "B": 2.0, "c": 1.0}
"""The parameters, and the standard deviation of the prior of each one's logarithm."""
_ROBUST = 2.0
"""Residuals beyond this many standard deviations count less than their square."""
_NOISE, _LEAST_NOISE = 0.02, 0.002
"""The standard deviation of a score: the first guess, and the least (cells that agree better do so by chance)."""
_STARTS, _STEPS, _LONGEST, _ENOUGH = 3, 60, 1.5, 1e-2
"""The number of starting points of a fit; for refits the most steps, the longest step, and the gain below which a refit ends."""
_AT_ONCE = 50_000
"""Runs times refits in one batch: more would not fit into the cache."""
_FEWEST_CELLS = 5
_CHANCE = 0.05
"""Significance level of the test whether scores depend on the mix at all."""


class CannotTell(ValueError):
    """The runs of a task and method do not determine an answer; the reason says which ones are missing."""

    def __init__(self, task: str, method: str, reason: str):
        super().__init__(f"{task}, {method}: {reason}")
        self.task, self.method, self.reason = task, method, reason


class Surface(NamedTuple):
    """The best fit, its refits, and the quality of the fit. In arrays of scores the last axis is that of mixes."""

    task: str
    method: str
    best: np.ndarray
    """The logarithms of the eight parameters."""
    draws: np.ndarray
    """The same of each refit."""
    noise: float
    """Standard deviation of one run around the surface."""
    reach: tuple[int, int]
    """The most human and the most synthetic examples that any run learned from."""
    runs: int
    cells: int
    r2: float
    """Part of the variance of the cells' means that the fit explains."""
    error: float
    """Of the cells' means around the fit: root mean square."""

    def scores(self, h: Any, s: Any) -> np.ndarray:
        """The best fit's score at each mix."""
        return _predict(self.best, h, s)

    def spread(self, h: Any, s: Any) -> np.ndarray:
        """Every refit's score at each mix."""
        return _predict(self.draws, h, s)


class _Parts(NamedTuple):
    """The terms of the formula, for each set of parameters (first axis) and mix (last)."""

    floor: Any
    gain: Any
    n0: Any
    alpha: Any
    S: Any
    B: Any
    c: Any
    h: Any
    s: Any
    g: Any
    t: Any
    worth: Any
    power: Any
    """How much of the error more examples can still remove."""
    rate: Any
    """Human examples that one more synthetic one is worth by itself."""


def _parts(logs: np.ndarray, h: Any, s: Any) -> _Parts:
    floor, gain, n0, alpha, k, S, B, c = (column[..., None] for column in np.moveaxis(np.exp(logs), -1, 0))
    h, s = np.asarray(h, float), np.asarray(s, float)
    g = k * s / (1 + s / S)
    t = n0 + h + g
    worth = t + (c - 1) * h * g / t
    return _Parts(floor, gain, n0, alpha, S, B, c, h, s, g, t, worth, gain * (worth / n0) ** -alpha, k / (1 + s / S) ** 2)


def _predict(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """The score at each mix."""
    p = _parts(logs, h, s)
    score: np.ndarray = 1 - p.floor - p.power - p.B * p.g / p.t
    return score


def slopes(logs: np.ndarray, h: Any, s: Any) -> tuple[np.ndarray, np.ndarray]:
    """How much one more human and one more synthetic example add to the score."""
    p = _parts(logs, h, s)
    by_worth, extra = p.alpha * p.power / p.worth, p.c - 1
    by_h = by_worth * (1 + extra * p.g * (p.t - p.h) / p.t**2) + p.B * p.g / p.t**2
    by_g = by_worth * (1 + extra * p.h * (p.t - p.g) / p.t**2) - p.B * (p.t - p.g) / p.t**2
    return by_h, by_g * p.rate


def _jacobian(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """The derivative of the score by the logarithm of each parameter: one more axis, of eight."""
    p = _parts(logs, h, s)
    by_worth, extra = p.alpha * p.power / p.worth, p.c - 1
    by_g = by_worth * (1 + extra * p.h * (p.t - p.g) / p.t**2) - p.B * (p.t - p.g) / p.t**2
    by_n0 = by_worth * (1 - extra * p.h * p.g / p.t**2) - p.alpha * p.power / p.n0 + p.B * p.g / p.t**2
    by_alpha = p.power * np.log(p.worth / p.n0) * p.alpha
    by_k, by_s = by_g * p.g, by_g * p.g * p.s / (p.S + p.s)
    columns = [-p.floor, -p.power, by_n0 * p.n0, by_alpha, by_k, by_s, -p.B * p.g / p.t, by_worth * p.c * p.h * p.g / p.t]
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


class _Runs(NamedTuple):
    """The runs of one task and method, with those of people alone, and the priors that their sizes and scores suggest."""

    h: np.ndarray
    s: np.ndarray
    score: np.ndarray
    cell: np.ndarray
    """The number of each run's mix."""
    prior: np.ndarray

    def means(self, values: np.ndarray) -> np.ndarray:
        """The mean of the runs' values in each cell."""
        means: np.ndarray = np.bincount(self.cell, values) / np.bincount(self.cell)
        return means


def _runs_of(rows: DataFrame) -> _Runs:
    h, s, score = (rows[name].to_numpy(float) for name in ("n_human", "n_synthetic", "score"))
    cell = rows.groupby(["n_human", "n_synthetic"]).ngroup().to_numpy()
    means = np.bincount(cell, score) / np.bincount(cell)
    value_range = max(float(np.ptp(means)), _NOISE)
    size = np.exp(np.log(h[h > 0]).mean())
    floor = max(0.6 * (1 - means.max()), _NOISE)
    return _Runs(h, s, score, cell, np.log([floor, 1.5 * value_range, 0.3 * size, 0.6, 0.3, s.max(), 0.1 * value_range, 1.5]))


def fit(rows: DataFrame, draws: int = DRAWS, *, seed: int = 1) -> Surface:
    """Fits the surface of one method to its rows and those of people alone."""
    _check_can_tell(rows)
    runs = _runs_of(rows)
    noise, starts = _noise_of_seeds(runs), _starts_around(runs.prior)
    for _ in range(2):  # The second time with the noise around the first fit.
        best = _best_fit(runs, noise, starts)
        starts = [best]
        residuals = runs.score - _predict(best, runs.h, runs.s)
        noise = max(float(np.sqrt((residuals**2).sum() / max(1, len(residuals) - len(best) // 2))), _LEAST_NOISE)
    _check_rises(rows, runs.score, residuals)
    means, residuals = runs.means(runs.score), runs.means(residuals)
    return Surface(
        task=str(rows.task.iloc[0]),
        method=_method_of(rows),
        best=best,
        draws=_refits(runs, best, noise=noise, draws=draws, seed=seed),
        noise=noise,
        reach=(int(runs.h.max()), int(runs.s.max())),
        runs=len(rows),
        cells=len(means),
        r2=1 - float(residuals.var() / means.var()),
        error=float(np.sqrt((residuals**2).mean())),
    )


def _method_of(rows: DataFrame) -> str:
    return next((str(name) for name in rows.method if name != NONE), NONE)


def _noise_of_seeds(runs: _Runs) -> float:
    """Standard deviation of a run around its cell's mean, where cells have several runs."""
    degrees = len(runs.score) - (runs.cell.max() + 1)
    residuals = runs.score - runs.means(runs.score)[runs.cell]
    return max(float(np.sqrt((residuals**2).sum() / degrees)), _LEAST_NOISE) if degrees else _NOISE


def _residuals(logs: np.ndarray, runs: _Runs, *, prior: np.ndarray, noise: float) -> np.ndarray:
    """The residual of each run, then the distance of each parameter from its prior, in standard deviations."""
    of_runs = (_predict(logs, runs.h, runs.s) - runs.score) / noise
    return np.concatenate([of_runs, (logs - prior) / [*_WIDTHS.values()]], axis=-1)


def _gradients(logs: np.ndarray, runs: _Runs, noise: float) -> np.ndarray:
    of_runs = _jacobian(logs, runs.h, runs.s) / noise
    of_priors = np.broadcast_to(
        np.diag([1 / width for width in _WIDTHS.values()]), (*logs.shape[:-1], len(_WIDTHS), len(_WIDTHS))
    )
    return np.concatenate([of_runs, of_priors], axis=-2)


def _starts_around(prior: np.ndarray) -> list[np.ndarray]:
    """Starting points of a fit: the middle of the priors, and random ones at growing distance."""
    rng = np.random.default_rng(0)
    return [prior + distance * rng.normal(size=len(prior)) * [*_WIDTHS.values()] for distance in np.linspace(0, 1, _STARTS)]


def _best_fit(runs: _Runs, noise: float, starts: Sequence[np.ndarray]) -> np.ndarray:
    """The best of the fits from several starting points."""

    def residuals(logs: np.ndarray) -> np.ndarray:
        return _residuals(logs, runs, prior=runs.prior, noise=noise)

    def gradients(logs: np.ndarray) -> np.ndarray:
        return _gradients(logs, runs, noise)

    fits = [least_squares(residuals, start, gradients, loss="soft_l1", f_scale=_ROBUST) for start in starts]
    best: np.ndarray = min(fits, key=lambda fit: float(fit.cost)).x
    return best


def _refits(runs: _Runs, best: np.ndarray, *, noise: float, draws: int, seed: int) -> np.ndarray:
    """Fits again under random weights of runs and cells and shifted priors, in batches."""
    rng, at_once, batches = np.random.default_rng(seed), max(1, _AT_ONCE // len(runs.score)), []
    for first in range(0, draws, at_once):
        n = min(at_once, draws - first)
        weights = rng.exponential(size=(n, runs.cell.max() + 1))[:, runs.cell] * rng.exponential(size=(n, len(runs.score)))
        priors = runs.prior + rng.normal(size=(n, len(_WIDTHS))) * [*_WIDTHS.values()]
        weights = np.c_[weights, np.ones_like(priors)]
        batches.append(_descend(runs, np.repeat(best[None], n, 0), weights=weights, priors=priors, noise=noise))
    return np.concatenate(batches)


def _descend(runs: _Runs, logs: np.ndarray, *, weights: np.ndarray, priors: np.ndarray, noise: float) -> np.ndarray:
    """The method of Levenberg and Marquardt for all refits of a batch: scipy, one by one, takes a hundred times as long."""

    def loss(refits: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        residuals = _residuals(at, runs, prior=priors[refits], noise=noise)
        return residuals, (weights[refits] * 2 * _ROBUST**2 * (np.sqrt(1 + (residuals / _ROBUST) ** 2) - 1)).sum(-1)

    logs, damping, running = logs.copy(), np.full(len(logs), 0.01), np.arange(len(logs))
    residuals, cost = loss(running, logs)
    for _ in range(_STEPS):
        gradients = _gradients(logs[running], runs, noise)
        weighted = gradients * (weights[running] / np.sqrt(1 + (residuals[running] / _ROBUST) ** 2))[..., None]
        hessian = np.swapaxes(weighted, -1, -2) @ gradients
        hessian += damping[running, None, None] * hessian * np.eye(len(_WIDTHS))
        step = np.linalg.solve(hessian, np.swapaxes(weighted, -1, -2) @ residuals[running][..., None])[..., 0]
        new_logs = logs[running] - step.clip(-_LONGEST, _LONGEST)
        new_residuals, new_cost = loss(running, new_logs)
        better, gain = new_cost <= cost[running], cost[running] - new_cost
        moved = running[better]
        logs[moved], residuals[moved], cost[moved] = new_logs[better], new_residuals[better], new_cost[better]
        damping[running] *= np.where(better, 0.2, 5.0)
        running = running[~better | (gain > _ENOUGH)]
        if not len(running):
            break
    return logs


# ---- whether the runs determine a surface ----


def _check_can_tell(rows: DataFrame) -> None:
    """Refuses rows that would fit any surface; the error names runs that would help."""
    cells = rows[["n_human", "n_synthetic"]].drop_duplicates()
    if missing := list(_missing_runs(cells)):
        mixes = f"{len(cells)} mix{'es' * (len(cells) > 1)}"
        reason = f"{mixes} cannot tell what a mix is worth; it needs runs at {' and at '.join(missing)}."
        raise CannotTell(str(rows.task.iloc[0]), _method_of(rows), reason)


def _check_rises(rows: DataFrame, score: np.ndarray, residuals: np.ndarray) -> None:
    """Refuses a surface that fits no better than one score for all mixes. It is an F test; the fit counts as half of its eight
    parameters, as priors hold them."""
    total, within, used = float(((score - score.mean()) ** 2).sum()), float((residuals**2).sum()), len(_WIDTHS) // 2
    degrees = max(1, len(score) - used - 1)
    ratio = (total - within) / used / max(within / degrees, _LEAST_NOISE**2)
    if np.ptp(score) < _LEAST_NOISE or f.sf(ratio, used, degrees) > _CHANCE:
        h, s = int(rows.n_human.max()), int(rows.n_synthetic.max())
        reason = (
            "the scores do not change with the mix beyond what seeds do; it needs runs "
            f"at more examples (n_human = {2 * h}, n_synthetic = {2 * s}) or with more seeds."
        )
        raise CannotTell(str(rows.task.iloc[0]), _method_of(rows), reason)


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
        elif len(cells) < _FEWEST_CELLS:
            trained = {(0, 0), *zip(cells.n_human, cells.n_synthetic, strict=True)}
            corners = [(h, s) for h in (human[-1], human[0], 0) for s in (synthetic[-1], synthetic[0], 0)]
            wanted = [mix for mix in corners if mix not in trained][: _FEWEST_CELLS - len(cells)]
            yield "(n_human, n_synthetic) = " + ", ".join(f"({h:g}, {s:g})" for h, s in wanted)


def _other_sizes(sizes: Sequence[int]) -> list[int]:
    """Sizes to add: one that differs from the only size so far; two where there is none."""
    if not sizes:
        return [50, 200]
    return [max(1, sizes[0] // 4) if sizes[0] > 1 else 4 * sizes[0]]


def _sizes_text(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size:g}" for size in sizes)


def rows_of(scores: DataFrame, task: str, method: str) -> DataFrame:
    """The runs of one method and of people alone."""
    return scores[(scores.task == task) & scores.method.isin([method, NONE])]


def fit_all(scores: DataFrame, draws: int = DRAWS, *, seed: int = 1) -> tuple[list[Surface], list[CannotTell]]:
    """Fits a surface to each task and method; returns an error for each that has none."""
    surfaces, refused = [], []
    for task, method in Bar(_tasks_and_methods(scores), desc="surfaces and their refits", unit="method"):
        try:
            surfaces.append(fit(rows_of(scores, task, method), draws, seed=seed))
        except CannotTell as error:
            refused.append(error)
    return surfaces, refused


def _tasks_and_methods(scores: DataFrame) -> list[tuple[str, str]]:
    """Each task with each of its methods, or with people alone."""
    groups = scores.groupby("task", sort=False)
    return [(str(task), method) for task, rows in groups for method in dict.fromkeys(rows.method[rows.method != NONE]) or [NONE]]


def fits_table(surfaces: Sequence[Surface]) -> DataFrame:
    """How well each surface fits."""
    names = ["task", "method", "runs", "cells", "r2", "error", "noise"]
    return pd.DataFrame([surface._asdict() for surface in surfaces], columns=names)
