"""A student's score as a function of how many human and how many synthetic examples it learned from.

One surface for each task and method. A synthetic example is worth k human ones at first, and less the more of them there are
(S is where half of that is lost): s of them are worth g = k s / (1 + s / S). With h human ones and what the encoder knows already
(n0), that makes t = n0 + h + g; beside each other the two kinds can be worth more or less than their sum (c above or below 1).
The error falls with what all are worth as a power law, to a floor; and synthetic examples pull the score down by B times their
part of t, so that they have a ceiling of their own:

    score = 1 - floor - gain (worth / n0)^-alpha - B g / t        worth = t + (c - 1) h g / t

It never falls with h. It may fall with s, as where many poor examples drown a few good ones. All eight numbers are positive, so
their logarithms are fitted, by robust least squares (soft_l1) on every run. Few cells do not tell eight numbers, so each has a
wide prior, and the intervals must show what the runs leave open. They come from refits in which each run and each cell gets a
random weight (the Bayesian bootstrap: no cell ever vanishes) and the priors shift as far as they are wide.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.optimize import least_squares
from scipy.stats import f

from lib.core.mixes import NONE

DRAWS = 1000
_WIDTHS = {"floor": 0.7, "gain": 0.7, "n0": 1.5, "alpha": 0.6, "k": 1.5, "S": 1.7, "B": 2.0, "c": 1.0}
"""How wide the prior of each number's logarithm is."""
_ROBUST = 2.0
"""Standard deviations from which on a run counts less than its square."""
_NOISE, _LEAST_NOISE = 0.02, 0.002
"""Of a score: what is taken to begin with, and the least (cells that agree better than that do so by chance)."""
_STARTS, _STEPS, _LONGEST, _ENOUGH = 3, 60, 1.5, 1e-2
"""Of a fit: where it begins, how often and how far the refits go at most, and how little a step has to gain for the last."""
_AT_ONCE = 50_000
"""Runs times refits that are worked on together: more would leave the cache."""
_FEWEST_CELLS = 5
_CHANCE = 0.05
"""How often mixes that are all worth the same may be taken for different ones."""


class CannotTell(ValueError):
    """The runs of a task and method do not determine an answer; the reason says which ones are missing."""

    def __init__(self, task: str, method: str, reason: str):
        super().__init__(f"{task}, {method}: {reason}")
        self.task, self.method, self.reason = task, method, reason


class Surface(NamedTuple):
    """The best fit, what else would fit, and how well it does. Mixes have an axis of their own, the last."""

    task: str
    method: str
    best: np.ndarray
    """The logarithms of the eight numbers."""
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
    """What the formula is made of, for each set of numbers (first axis) and mix (last)."""

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
    """The part of the gain that is still missing."""
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
    """What one more human and one more synthetic example add to the score."""
    p = _parts(logs, h, s)
    by_worth, extra = p.alpha * p.power / p.worth, p.c - 1
    by_h = by_worth * (1 + extra * p.g * (p.t - p.h) / p.t**2) + p.B * p.g / p.t**2
    by_g = by_worth * (1 + extra * p.h * (p.t - p.g) / p.t**2) - p.B * (p.t - p.g) / p.t**2
    return by_h, by_g * p.rate


def _jacobian(logs: np.ndarray, h: Any, s: Any) -> np.ndarray:
    """What the logarithm of each number adds to the score: one more axis, of eight."""
    p = _parts(logs, h, s)
    by_worth, extra = p.alpha * p.power / p.worth, p.c - 1
    by_g = by_worth * (1 + extra * p.h * (p.t - p.g) / p.t**2) - p.B * (p.t - p.g) / p.t**2
    by_n0 = by_worth * (1 - extra * p.h * p.g / p.t**2) - p.alpha * p.power / p.n0 + p.B * p.g / p.t**2
    by_alpha = p.power * np.log(p.worth / p.n0) * p.alpha
    by_k, by_s = by_g * p.g, by_g * p.g * p.s / (p.S + p.s)
    columns = [-p.floor, -p.power, by_n0 * p.n0, by_alpha, by_k, by_s, -p.B * p.g / p.t, by_worth * p.c * p.h * p.g / p.t]
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


class _Runs(NamedTuple):
    """The runs of one task and method, people alone among them; and the priors that their sizes and scores suggest."""

    h: np.ndarray
    s: np.ndarray
    score: np.ndarray
    cell: np.ndarray
    """The number of each run's mix."""
    prior: np.ndarray

    def means(self, values: np.ndarray) -> np.ndarray:
        """Of each cell."""

        means: np.ndarray = np.bincount(self.cell, values) / np.bincount(self.cell)
        return means


def _runs_of(rows: DataFrame) -> _Runs:
    h, s, score = (rows[name].to_numpy(float) for name in ("n_human", "n_synthetic", "score"))
    cell = rows.groupby(["n_human", "n_synthetic"]).ngroup().to_numpy()
    means = np.bincount(cell, score) / np.bincount(cell)
    ranged = max(float(np.ptp(means)), _NOISE)
    size = np.exp(np.log(h[h > 0]).mean())
    floor = max(0.6 * (1 - means.max()), _NOISE)
    return _Runs(h, s, score, cell, np.log([floor, 1.5 * ranged, 0.3 * size, 0.6, 0.3, s.max(), 0.1 * ranged, 1.5]))


def fit(rows: DataFrame, draws: int = DRAWS, *, seed: int = 1) -> Surface:
    """The surface of one method's rows and those of people alone."""

    _check_can_tell(rows)
    runs = _runs_of(rows)
    noise, starts = _noise_of_seeds(runs), _starts_around(runs.prior)
    for _ in range(2):  # The second time with the noise that includes how far the fit is off.
        best = _best_fit(runs, noise, starts)
        starts = [best]
        off = runs.score - _predict(best, runs.h, runs.s)
        noise = max(float(np.sqrt((off**2).sum() / max(1, len(off) - len(best) // 2))), _LEAST_NOISE)
    _check_rises(rows, runs.score, off)
    means, off = runs.means(runs.score), runs.means(off)
    reach, r2 = (int(runs.h.max()), int(runs.s.max())), 1 - float(off.var() / means.var())
    near, spread = float(np.sqrt((off**2).mean())), _refits(runs, best, noise=noise, draws=draws, seed=seed)
    return Surface(str(rows.task.iloc[0]), _method_of(rows), best, spread, noise, reach, len(rows), len(means), r2, near)


def _method_of(rows: DataFrame) -> str:
    return next((str(name) for name in rows.method if name != NONE), NONE)


def _noise_of_seeds(runs: _Runs) -> float:
    """Standard deviation of a run around its cell's mean, where cells have several runs."""
    spare = len(runs.score) - (runs.cell.max() + 1)
    around = runs.score - runs.means(runs.score)[runs.cell]
    return max(float(np.sqrt((around**2).sum() / spare)), _LEAST_NOISE) if spare else _NOISE


def _residuals(logs: np.ndarray, runs: _Runs, *, prior: np.ndarray, noise: float) -> np.ndarray:
    """How far each run is off and then each number from its prior, in standard deviations."""
    off = (_predict(logs, runs.h, runs.s) - runs.score) / noise
    return np.concatenate([off, (logs - prior) / [*_WIDTHS.values()]], axis=-1)


def _gradients(logs: np.ndarray, runs: _Runs, noise: float) -> np.ndarray:
    of_runs = _jacobian(logs, runs.h, runs.s) / noise
    of_priors = np.broadcast_to(
        np.diag([1 / width for width in _WIDTHS.values()]), (*logs.shape[:-1], len(_WIDTHS), len(_WIDTHS))
    )
    return np.concatenate([of_runs, of_priors], axis=-2)


def _starts_around(prior: np.ndarray) -> list[np.ndarray]:
    """Where to begin: at the priors' middle and further and further from it."""
    rng = np.random.default_rng(0)
    return [prior + far * rng.normal(size=len(prior)) * [*_WIDTHS.values()] for far in np.linspace(0, 1, _STARTS)]


def _best_fit(runs: _Runs, noise: float, starts: Sequence[np.ndarray]) -> np.ndarray:
    """By scipy, the best of what it finds from some places."""

    def off(logs: np.ndarray) -> np.ndarray:
        return _residuals(logs, runs, prior=runs.prior, noise=noise)

    def steep(logs: np.ndarray) -> np.ndarray:
        return _gradients(logs, runs, noise)

    fits = [least_squares(off, start, steep, loss="soft_l1", f_scale=_ROBUST) for start in starts]
    best: np.ndarray = min(fits, key=lambda fit: float(fit.cost)).x
    return best


def _refits(runs: _Runs, best: np.ndarray, *, noise: float, draws: int, seed: int) -> np.ndarray:
    """The best fit under random weights of runs and cells and shifted priors, many at once."""
    rng, at_once, batches = np.random.default_rng(seed), max(1, _AT_ONCE // len(runs.score)), []
    for first in range(0, draws, at_once):
        n = min(at_once, draws - first)
        weights = rng.exponential(size=(n, runs.cell.max() + 1))[:, runs.cell] * rng.exponential(size=(n, len(runs.score)))
        priors = runs.prior + rng.normal(size=(n, len(_WIDTHS))) * [*_WIDTHS.values()]
        weights = np.c_[weights, np.ones_like(priors)]
        batches.append(_descend(runs, np.repeat(best[None], n, 0), weights=weights, priors=priors, noise=noise))
    return np.concatenate(batches)


def _descend(runs: _Runs, logs: np.ndarray, *, weights: np.ndarray, priors: np.ndarray, noise: float) -> np.ndarray:
    """Levenberg and Marquardt's method for all refits side by side: scipy would take a hundred times as long, one by one."""

    def loss(of: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        off = _residuals(at, runs, prior=priors[of], noise=noise)
        return off, (weights[of] * 2 * _ROBUST**2 * (np.sqrt(1 + (off / _ROBUST) ** 2) - 1)).sum(-1)

    logs, damping, open_ = logs.copy(), np.full(len(logs), 0.01), np.arange(len(logs))
    off, cost = loss(open_, logs)
    for _ in range(_STEPS):
        steep = _gradients(logs[open_], runs, noise)
        weighted = steep * (weights[open_] / np.sqrt(1 + (off[open_] / _ROBUST) ** 2))[..., None]
        curved = np.swapaxes(weighted, -1, -2) @ steep
        curved += damping[open_, None, None] * curved * np.eye(len(_WIDTHS))
        step = np.linalg.solve(curved, np.swapaxes(weighted, -1, -2) @ off[open_][..., None])[..., 0]
        moved_logs = logs[open_] - step.clip(-_LONGEST, _LONGEST)
        new_off, new_cost = loss(open_, moved_logs)
        better, gained = new_cost <= cost[open_], cost[open_] - new_cost
        moved = open_[better]
        logs[moved], off[moved], cost[moved] = moved_logs[better], new_off[better], new_cost[better]
        damping[open_] *= np.where(better, 0.2, 5.0)
        open_ = open_[~better | (gained > _ENOUGH)]
        if not len(open_):
            break
    return logs


# ---- what the runs can tell ----


def _check_can_tell(rows: DataFrame) -> None:
    """Refuses rows that would fit any surface, and says which runs would help."""
    cells = rows[["n_human", "n_synthetic"]].drop_duplicates()
    if missing := list(_missing_runs(cells)):
        mixes = f"{len(cells)} mix{'es' * (len(cells) > 1)}"
        reason = f"{mixes} cannot tell what a mix is worth; it needs runs at {' and at '.join(missing)}."
        raise CannotTell(str(rows.task.iloc[0]), _method_of(rows), reason)


def _check_rises(rows: DataFrame, score: np.ndarray, off: np.ndarray) -> None:
    """Refuses a surface that explains no more than one score for all mixes would: an F test of a fit that uses up about half of
    its eight numbers, as their priors are wide but no more."""
    without, within, used = float(((score - score.mean()) ** 2).sum()), float((off**2).sum()), len(_WIDTHS) // 2
    left = max(1, len(score) - used - 1)
    ratio = (without - within) / used / max(within / left, _LEAST_NOISE**2)
    if np.ptp(score) < _LEAST_NOISE or f.sf(ratio, used, left) > _CHANCE:
        h, s = int(rows.n_human.max()), int(rows.n_synthetic.max())
        reason = (
            "the scores do not change with the mix beyond what seeds do; it needs runs "
            f"at more examples (n_human = {2 * h}, n_synthetic = {2 * s}) or with more seeds."
        )
        raise CannotTell(str(rows.task.iloc[0]), _method_of(rows), reason)


def _missing_runs(cells: DataFrame) -> Iterator[str]:
    """The least that is missing, as text: two sizes of either kind, one of them alone, and five mixes in all."""
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
    """Two sizes that differ from the one that was trained, if one was."""
    return [max(1, sizes[0] // 4) if sizes[0] > 1 else 4 * sizes[0]] if sizes else [50, 200]


def _sizes_text(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size:g}" for size in sizes)


def rows_of(scores: DataFrame, task: str, method: str) -> DataFrame:
    """The runs of one method and of people alone."""
    return scores[(scores.task == task) & scores.method.isin([method, NONE])]


def fit_all(scores: DataFrame, draws: int = DRAWS, *, seed: int = 1) -> tuple[list[Surface], list[CannotTell]]:
    """A surface for each task and method; of those that cannot have one, why."""
    surfaces, refused = [], []
    for task, group in scores.groupby("task", sort=False):
        for method in dict.fromkeys(group.method[group.method != NONE]) or [NONE]:
            try:
                surfaces.append(fit(rows_of(scores, str(task), method), draws, seed=seed))
            except CannotTell as error:
                refused.append(error)
    return surfaces, refused


def fits_table(surfaces: Sequence[Surface]) -> DataFrame:
    """How well each surface fits."""
    names = ["task", "method", "runs", "cells", "r2", "error", "noise"]
    return pd.DataFrame([surface._asdict() for surface in surfaces], columns=names)
