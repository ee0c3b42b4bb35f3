"""What cleaning a set costs and brings, and what hangs on a seed example, on scores whose differences are known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lib.budget.cleaning import arms_of_sets, cleaning_figure
from lib.budget.starts import measures_by_start, starts_figure
from lib.core import set_names
from lib.core.mixes import NONE
from lib.core.set_names import SetName

WHOLE = SetName("zero_shot")
ARMS = {WHOLE: 0.6, WHOLE.after("dropped"): 0.6, WHOLE.after("resampled"): 0.5, WHOLE.after("rephrased"): 0.7}
DOLLARS = dict(zip(ARMS, (0.01, 0.02, 0.015, 0.03), strict=True))


def runs_of(name: SetName, score: float, sizes: list[tuple[int, int]], **facts: Any) -> list[dict[str, Any]]:
    """Five runs at each mix; the seed moves all sets alike, and each run a little by itself."""
    rng = np.random.default_rng(sum(name.key.encode()))
    rows = []
    for n_human, n_synthetic in sizes:
        for seed in range(1, 6):
            value = score + 0.05 * seed / 5 + rng.normal(0, 0.002) + 0.1 * (n_human > 0)
            mix = {"task": "tone", "method": name.key, "n_human": n_human, "n_synthetic": n_synthetic, "seed": seed}
            rows.append(
                {**mix, "score": value, "metric": "accuracy", "synthetic_pool": 99, **set_names.as_columns(name), **facts}
            )
    return rows


def arms(sizes: dict[SetName, list[tuple[int, int]]] | None = None) -> pd.DataFrame:
    rows = runs_of(WHOLE, 0.4, [(40, 0)])
    for row in rows:
        row["method"] = NONE
    for name, score in ARMS.items():
        mixes = (sizes or {}).get(name, [(0, 10), (0, 20), (40, 20)])
        rows += runs_of(name, score, mixes, set_price=DOLLARS[name], synthetic_price=0.5)
    return pd.DataFrame(rows)


def test_each_arm_has_its_own_price_and_a_paired_difference_to_the_set_as_bought() -> None:
    table = arms_of_sets(arms())
    assert list(zip(table.n_human, table.n_synthetic, strict=True)) == [(0, 20)] * 4 + [(40, 20)] * 4
    alone = table[table.n_human == 0].set_index("arm")
    assert list(alone.index) == ["as bought", "dropped", "resampled", "rephrased"]
    assert alone.dollars_an_example.tolist() == list(DOLLARS.values())
    assert alone.difference.tolist() == pytest.approx([0, 0, -10, 10], abs=0.4)
    assert alone.difference_low["dropped"] < 0 < alone.difference_high["dropped"]
    assert alone.difference_high["resampled"] < 0 < alone.difference_low["rephrased"]
    assert (alone.difference_high - alone.difference_low)["rephrased"] < 100 * (alone.high - alone.low)["rephrased"]


def test_an_arm_of_which_too_little_is_left_does_not_hide_the_others() -> None:
    table = arms_of_sets(arms({WHOLE.after("dropped"): [(0, 3)]}))
    assert set(table.arm) == {"as bought", "resampled", "rephrased"}
    assert set(table.n_synthetic) == {20}


def test_the_figure_shows_prices_below_a_cent_as_those_of_1000_examples() -> None:
    for scale, label in {1.0: "dollars an example, of those kept", 0.001: "dollars per 1,000 examples, of those kept"}.items():
        drawing = cleaning_figure(arms().assign(set_price=lambda rows, scale=scale: rows.set_price * scale))
        assert drawing.figure is not None
        assert drawing.figure.axes[0].get_xlabel().replace("\n", " ") == label


def test_the_figure_says_how_many_comparisons_go_beyond_chance() -> None:
    drawing = cleaning_figure(arms())
    assert drawing.figure is not None
    assert "Of 6 comparisons in the table 2 are above the set as bought beyond chance, 2 below." in drawing.caption
    assert [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()][::-1] == [
        "zero-shot", "dropped", "resampled", "rephrased",
    ]  # fmt: skip
    alone = arms()
    assert cleaning_figure(alone[alone.method.isin([NONE, WHOLE.key])]).figure is None


# ---- seed examples ----

TREES = [SetName("tree", start=start) for start in (1, 2, 3)]
VENDI = pd.DataFrame(
    [(name.key, "vendi", value, value - 1, value + 1, 18) for name, value in zip(TREES, (10.0, 10.2, 9.9), strict=True)],
    columns=["set", "measure", "value", "low", "high", "n"],
)


def from_starts(*scores: float) -> pd.DataFrame:
    rows = []
    for name, score, kept in zip(TREES, scores, (0.9, 0.5, 0.9), strict=True):
        rows += runs_of(name, score, [(0, 10), (0, 20), (40, 20)], set_kept=kept, set_items=100)
    return pd.DataFrame(rows)


def test_starts_that_differ_are_told_from_starts_that_do_not() -> None:
    apart = measures_by_start(from_starts(0.6, 0.5, 0.7), {"tone": VENDI})
    assert apart.groupby("measure", sort=False).n.first().to_dict() == {"kept": 100, "vendi": 18, "score": 20}
    p = apart.drop_duplicates("measure").set_index("measure").p
    assert p["kept"] < 0.001 > p["score"]
    assert p["vendi"] > 0.5
    alike = measures_by_start(from_starts(0.6, 0.6, 0.6), {"tone": VENDI})
    assert alike[alike.measure == "score"].p.iloc[0] > 0.05


def test_the_figure_of_starts_needs_several() -> None:
    drawing = starts_figure(from_starts(0.6, 0.5, 0.7), {"tone": VENDI})
    assert drawing.figure is not None
    assert "kept (n = 100; Wilson)" in drawing.caption
    assert "Beyond chance (p < .05): 2 of 3." in drawing.caption
    one = from_starts(0.6, 0.5, 0.7)
    assert starts_figure(one[one.method == "tree"]).figure is None


def test_scores_alone_make_a_figure_of_scores_alone() -> None:
    scores = from_starts(0.6, 0.5, 0.7).drop(columns=["set_kept", "set_items"])
    assert set(measures_by_start(scores).measure) == {"score"}
