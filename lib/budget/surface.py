"""A student's score as a function of how many human and how many synthetic examples it learned from.

There is one surface for each task and method. The score of a mix is what the formula says (lib/budget/formula.py) and a small
smooth deviation from it (lib/budget/deviation.py). Both are fitted to the means of the mixes, each as sure as its seeds make it
(lib/budget/mix_means.py). A few mixes do not determine eight parameters, so each has a wide prior, and intervals show what
remains unsure: they come from refits, to means that are shifted by their errors, to shifted priors, and around a deviation that
is drawn at random. Refits of several methods of a task shift people's means and priors alike, as these are the same.

A test set is finite, and may lean to one source: its items may happen to be those that one source teaches. Each refit takes a
random lean away, so that it speaks of other test items. How much a test set leans follows from the students' answers where they
are known, else from the number of its items.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame
from scipy.optimize import least_squares

from lib.budget import deviation
from lib.budget.deviation import Bumps, bumps_for
from lib.budget.formula import OF_PEOPLE, WIDTHS, expected_score, jacobian, lean
from lib.budget.mix_means import LEAST, MixMeans, Noise, mix_means
from lib.budget.refusals import CannotTell, check_can_tell, check_changes, check_learned, method_in
from lib.core.mixes import NONE
from lib.core.progress import Bar
from lib.core.stats import SAMPLED

DRAWS = 1000
_STARTS, _STEPS, _LONGEST, _ENOUGH = 3, 30, 1.5, 2e-2
"""The number of starting points of a fit; for refits the most steps, the longest step, and the gain below which a refit ends."""
_ROUNDS = 2
"""Fits, each with the size of the deviation that the one before leaves."""
_LEANING = 0.4
"""The standard deviation of a test set's lean, times the root of its items: as if the students of two sources
disagreed on every sixth."""
_ITEMS = 400
"""The items of a test set that is not known."""
_OF_A_TASK = 1_000_003
"""What stands for a task, beside the seed, in what all its methods draw alike."""


class Surface(NamedTuple):
    """The best fit, its refits, and the quality of the fit. In arrays of scores the last axis is that of mixes."""

    task: str
    method: str
    best: np.ndarray
    """The logarithms of the eight parameters."""
    draws: np.ndarray
    """The same of each refit."""
    bumps: Bumps
    deviation: np.ndarray
    """The weights of the bumps in the best fit."""
    deviations: np.ndarray
    """The same of each refit."""
    leans: np.ndarray
    """How much the test set leans to synthetic examples, in each refit."""
    items: float
    """The number of test items that the error of a score suggests."""
    single: float
    """The standard deviation of what each mix has for itself."""
    noise: Noise
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
        found: np.ndarray = expected_score(self.best, h, s) + self.bumps.at(h, s) @ self.deviation
        return found.clip(0, 1)

    def on_this_test(self, h: Any, s: Any) -> np.ndarray:
        """Every refit's score at each mix, on the test items of the runs."""
        found: np.ndarray = expected_score(self.draws, h, s) + self.deviations @ self.bumps.at(h, s).T
        return found.clip(0, 1)

    def spread(self, h: Any, s: Any) -> np.ndarray:
        """Every refit's score at each mix, where no source is favoured by the choice of the test items."""
        found: np.ndarray = self.on_this_test(h, s) - self.leans[:, None] * lean(self.draws, h, s)
        return found.clip(0, 1)

    def test_error(self, score: Any) -> np.ndarray:
        """The standard error of a score from the choice of the test items, the same for all mixes."""
        found: np.ndarray = np.sqrt(np.clip(score, 0, 1) * (1 - np.clip(score, 0, 1)) / self.items)
        return found

    def with_fewer(self, draws: int) -> "Surface":
        """The same with the first refits alone."""
        return self._replace(draws=self.draws[:draws], deviations=self.deviations[:draws], leans=self.leans[:draws])


class _Model(NamedTuple):
    """The means of the mixes, with priors that their sizes and scores suggest, and the heights of the bumps there."""

    means: MixMeans
    prior: np.ndarray
    heights: np.ndarray

    def whitener(self, size: float) -> np.ndarray:
        """What makes residuals independent and of variance 1, if deviations have this size."""
        covariance = deviation.covariance_of(self.heights, self.means.error, size)
        whitener: np.ndarray = np.linalg.inv(np.linalg.cholesky(covariance))
        return whitener

    def predicted(self, logs: np.ndarray) -> np.ndarray:
        return expected_score(logs, self.means.h, self.means.s)

    def weights(self, residuals: np.ndarray, whitener: np.ndarray, size: float) -> np.ndarray:
        """The weights of the bumps that residuals from the formula suggest."""
        found: np.ndarray = size**2 * (residuals @ whitener.T @ whitener @ self.heights)
        return found


def _prior_of(means: MixMeans) -> np.ndarray:
    value_range = max(float(np.ptp(means.mean)), 0.02)
    size = float(np.exp(np.log(means.h[means.h > 0]).mean()))
    floor = max(0.6 * (1 - float(means.mean.max())), 0.02)
    return np.log([floor, 1.5 * value_range, 0.3 * size, 0.6, 0.3, means.s.max(), 0.1 * value_range, 1.5])


def fit(rows: DataFrame, draws: int = DRAWS, *, seed: int = 1, chance: float | None = None) -> Surface:
    """Fits the surface of one method to its rows and those of people alone; `chance` is the score of who learned nothing."""
    check_can_tell(rows)
    means = mix_means(rows)
    bumps = bumps_for(means)
    model = _Model(means, _prior_of(means), bumps.at(means.h, means.s))
    best, likely = _best_fit(model)
    size = _middle_size(likely)
    weights = model.weights(means.mean - model.predicted(best), model.whitener(size), size)
    residuals = means.mean - model.predicted(best) - model.heights @ weights
    to_synthetic = lean(best, means.h, means.s)
    leaning, items = _test_noise(rows, means, to_synthetic)
    check_changes(rows, means, residuals, lean=leaning * to_synthetic)
    # Of each method its own, or methods with the same mixes would be lucky together and differ too surely.
    luck = np.random.default_rng([seed, zlib.crc32(method_in(rows).encode())])
    refitted, deviations = _refits(model, best, _sizes_of_refits(likely, draws, luck), luck=luck, seed=seed)
    surface = Surface(
        task=str(rows.task.iloc[0]),
        method=method_in(rows),
        best=best,
        draws=refitted,
        bumps=bumps,
        deviation=weights,
        deviations=deviations,
        leans=leaning * np.random.default_rng([seed, _OF_A_TASK]).normal(size=draws),
        items=items,
        single=size * deviation.SINGLE**0.5,
        noise=means.noise,
        reach=(int(means.h.max()), int(means.s.max())),
        runs=len(rows),
        cells=len(means.mean),
        r2=1 - float(residuals.var() / means.mean.var()),
        error=float(np.sqrt((residuals**2).mean())),
    )
    _check_learned(rows, surface, means, chance)
    return surface


def _check_learned(rows: DataFrame, surface: Surface, means: MixMeans, chance: float | None) -> None:
    """Refuses a surface whose best trained mix is not above chance."""
    scores = surface.scores(means.h, means.s)
    top = int(scores.argmax())
    of_refits = float(surface.on_this_test(means.h[top], means.s[top]).std())
    check_learned(rows, float(scores[top]), float(np.hypot(of_refits, surface.test_error(scores[top]))), chance=chance)


# ---- the best fit ----


def _best_fit(model: _Model) -> tuple[np.ndarray, np.ndarray]:
    """The parameters of the best of the fits from several starting points, and how probable each size of the deviation is."""
    starts, size = _starts_around(model.prior), float(np.median(deviation.SIZES))
    for _ in range(_ROUNDS):
        best = _fit_from(model, starts, size)
        starts = [best]
        slopes = jacobian(best, model.means.h, model.means.s)
        residuals = model.means.mean - model.predicted(best) - slopes @ (model.prior - best)
        known = (slopes * WIDTHS**2) @ slopes.T
        likely = deviation.probabilities(residuals, known, heights=model.heights, error=model.means.error)
        size = _middle_size(likely)
    return _fit_from(model, starts, size), likely


def _middle_size(likely: np.ndarray) -> float:
    """The size of the deviation, by the mean of its logarithm."""
    return float(np.exp(likely @ np.log(deviation.SIZES)))


def _starts_around(prior: np.ndarray) -> list[np.ndarray]:
    """Starting points of a fit: the middle of the priors, and random ones at growing distance."""
    rng = np.random.default_rng(0)
    return [prior + distance * rng.normal(size=len(prior)) * WIDTHS for distance in np.linspace(0, 1, _STARTS)]


def _fit_from(model: _Model, starts: Sequence[np.ndarray], size: float) -> np.ndarray:
    """The best of the fits from these starting points, if deviations have this size."""
    whitener = model.whitener(size)

    def residuals(logs: np.ndarray) -> np.ndarray:
        return _residuals(logs, model, whitener, targets=model.means.mean, priors=model.prior)

    def gradients(logs: np.ndarray) -> np.ndarray:
        return _gradients(logs, model, whitener)

    fits = [least_squares(residuals, start, gradients) for start in starts]
    best: np.ndarray = min(fits, key=lambda fit: float(fit.cost)).x
    return best


def _residuals(logs: np.ndarray, model: _Model, whitener: np.ndarray, *, targets: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """The whitened residual of each mix, then the distance of each parameter from its prior, in standard deviations."""
    of_mixes = (model.predicted(logs) - targets) @ whitener.T
    return np.concatenate([of_mixes, (logs - priors) / WIDTHS], axis=-1)


def _gradients(logs: np.ndarray, model: _Model, whitener: np.ndarray) -> np.ndarray:
    of_mixes = whitener @ jacobian(logs, model.means.h, model.means.s)
    of_priors = np.broadcast_to(np.diag(1 / WIDTHS), (*logs.shape[:-1], len(WIDTHS), len(WIDTHS)))
    return np.concatenate([of_mixes, of_priors], axis=-2)


# ---- refits ----


def _sizes_of_refits(likely: np.ndarray, draws: int, luck: np.random.Generator) -> np.ndarray:
    """The size of each refit's deviation: as many of each as it is probable, in random order."""
    ends = np.floor(np.cumsum(likely) * draws + 0.5).astype(int)
    ends[-1] = draws
    return luck.permutation(np.repeat(deviation.SIZES, np.diff(ends, prepend=0)))


def _refits(
    model: _Model, best: np.ndarray, sizes: np.ndarray, *, luck: np.random.Generator, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fits again to shifted means and priors, around a random deviation; parameters and weights of the bumps of each refit.

    What belongs to people alone is shifted alike for all methods of a task: their means come first.
    """
    draws, people = len(sizes), int((model.means.s == 0).sum())
    shared = np.random.default_rng([seed, people])
    shifts = np.c_[shared.normal(size=(draws, people)), luck.normal(size=(draws, len(model.means.mean) - people))]
    widths = np.c_[shared.normal(size=(draws, OF_PEOPLE)), luck.normal(size=(draws, len(WIDTHS) - OF_PEOPLE))]
    errors = np.sqrt(model.means.error**2 + deviation.SINGLE * sizes[:, None] ** 2)
    weights = sizes[:, None] * luck.normal(size=(draws, model.heights.shape[1]))
    targets = model.means.mean + errors * shifts - weights @ model.heights.T
    priors, logs = model.prior + widths * WIDTHS, np.repeat(best[None], draws, 0)
    for size in np.unique(sizes):
        of_size, whitener = sizes == size, model.whitener(size)
        refitted = _descend(model, logs[of_size], whitener, targets=targets[of_size], priors=priors[of_size])
        residuals = targets[of_size] - model.predicted(refitted)
        logs[of_size] = refitted
        weights[of_size] += model.weights(residuals, whitener, size)
    return logs, weights


def _descend(model: _Model, logs: np.ndarray, whitener: np.ndarray, *, targets: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """The method of Levenberg and Marquardt for many refits at once: scipy, one by one, takes a hundred times as long."""

    def loss(refits: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        residuals = _residuals(at, model, whitener, targets=targets[refits], priors=priors[refits])
        return residuals, (residuals**2).sum(-1)

    logs, damping, running = logs.copy(), np.full(len(logs), 0.01), np.arange(len(logs))
    residuals, cost = loss(running, logs)
    for _ in range(_STEPS):
        gradients = _gradients(logs[running], model, whitener)
        hessian = np.swapaxes(gradients, -1, -2) @ gradients
        hessian += damping[running, None, None] * hessian * np.eye(len(WIDTHS))
        step = np.linalg.solve(hessian, np.swapaxes(gradients, -1, -2) @ residuals[running][..., None])[..., 0]
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


# ---- the choice of the test items ----


def _test_noise(rows: DataFrame, means: MixMeans, to_synthetic: np.ndarray) -> tuple[float, float]:
    """The standard deviation of the test set's lean to synthetic examples, and the number of items that the error of a score
    suggests: from the scores on samples of the items where all rows have these, else from their number."""
    if SAMPLED in rows and all(isinstance(sampled, dict) and "score" in sampled for sampled in rows[SAMPLED]):
        by_mix = dict(iter(rows.groupby(["n_human", "n_synthetic"])[SAMPLED]))
        of_mixes = np.stack([_mean_sample(by_mix[mix]) for mix in zip(means.h, means.s, strict=True)])
        slopes = np.polyfit(to_synthetic, of_mixes, 1)[0] if np.ptp(to_synthetic) > 0 else np.zeros(1)
        variances = np.maximum(of_mixes.var(axis=1), LEAST**2)
        return float(slopes.std()), float(np.median(means.mean * (1 - means.mean) / variances).clip(1))
    items = float(rows.n_test.fillna(_ITEMS).median()) if "n_test" in rows else float(_ITEMS)
    return _LEANING / items**0.5, items


def _mean_sample(runs: Iterable[Mapping[str, np.ndarray]]) -> np.ndarray:
    mean: np.ndarray = np.mean([samples["score"] for samples in runs], axis=0)
    return mean


# ---- all tasks and methods ----


def rows_of(scores: DataFrame, task: str, method: str) -> DataFrame:
    """The runs of one method and of people alone."""
    return scores[(scores.task == task) & scores.method.isin([method, NONE])]


def fit_all(
    scores: DataFrame, draws: int = DRAWS, *, seed: int = 1, chances: Mapping[str, float] = MappingProxyType({})
) -> tuple[list[Surface], list[CannotTell]]:
    """Fits a surface to each task and method, as far as a task's chance is known against it; returns an error for each that has
    none."""
    surfaces, refused = [], []
    for task, method in Bar(_tasks_and_methods(scores), desc="surfaces and their refits", unit="method"):
        try:
            surfaces.append(fit(rows_of(scores, task, method), draws, seed=seed, chance=chances.get(task)))
        except CannotTell as error:
            refused.append(error)
    return surfaces, refused


def _tasks_and_methods(scores: DataFrame) -> list[tuple[str, str]]:
    """Each task with each of its methods, or with people alone."""
    groups = scores.groupby("task", sort=False)
    return [(str(task), method) for task, rows in groups for method in dict.fromkeys(rows.method[rows.method != NONE]) or [NONE]]


def fits_table(surfaces: Sequence[Surface]) -> DataFrame:
    """How well each surface fits; `noise` is the standard deviation of a typical run around its mix."""
    names = ["task", "method", "runs", "cells", "r2", "error", "noise"]
    table = pd.DataFrame([surface._asdict() for surface in surfaces], columns=names)
    return table.assign(noise=[surface.noise.typical for surface in surfaces])
