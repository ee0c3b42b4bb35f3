"""What 05 says of the settings that a study varies, on scores whose effects are known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from refusing import refused

from lib.budget import effects_figure, read_scores, variance_of_scores, with_out_of_domain
from lib.budget.effects import DIVERSITY, KEPT, PRICE, SCORE, effects
from lib.core import set_names
from lib.core.artifacts import Step
from lib.core.mixes import NONE
from lib.core.set_names import SetName
from lib.plotting import Album

OWN = {"temperature": "1", "shots": "3"}
PRICES = {"human_price": 1.0, "synthetic_price": 0.01, "human_pool": 100, "synthetic_pool": 100, "metric": "score"}


def levels_of(**levels: str) -> SetName:
    return SetName("few_shot", levels=tuple(levels.items()))


def rows_of(
    name: SetName, score: float, *, price: float = 0.01, kept: float = 0.8, repeats: int = 2, seed: int = 0
) -> list[dict[str, Any]]:
    """Runs of a set in each repeat and of each seed, at two mixes; with some noise."""
    rng, rows = np.random.default_rng(seed), []
    for repeat in range(1, repeats + 1):
        known = set_names.as_columns(SetName(name.method, levels=name.levels, repeat=repeat))
        known |= {"set_price": price * (1 + 0.02 * repeat), "set_kept": kept, "set_items": 400}
        for size in (20, 50):
            for number in range(1, 6):
                value = score + 0.001 * number + rng.normal(0, 0.002)
                mix = {"task": "news", "method": SetName(name.method, levels=name.levels, repeat=repeat).key, "n_human": 0}
                rows.append(PRICES | known | mix | {"n_synthetic": size, "seed": number, "score": value - 0.2 * (size == 20)})
    return rows


def table_of(folder: Path, sets: dict[SetName, tuple[float, float, float]], **more: Any) -> pd.DataFrame:
    rows = [PRICES | {"task": "news", "method": NONE, "n_human": 10, "n_synthetic": 0, "seed": 1, "score": 0.4}]
    for at, (name, (score, price, kept)) in enumerate(sets.items()):
        rows += rows_of(name, score, price=price, kept=kept, seed=at, **more)
    pd.DataFrame(rows).to_csv(folder / "scores.csv", index=False)
    return read_scores([str(folder / "scores.csv")])


ALONE = {
    levels_of(): (0.60, 0.010, 0.8),
    levels_of(temperature="0.3"): (0.50, 0.020, 0.4),
    levels_of(temperature="1.3"): (0.60, 0.010, 0.8),
    levels_of(shots="0"): (0.57, 0.005, 0.8),
}
VENDI = pd.DataFrame(
    [(name, "vendi", value, value - 1, value + 1) for name, value in [("few_shot", 20.0), ("few_shot_temperature_0_3", 10.0)]],
    columns=["set", "measure", "value", "low", "high"],
)


def found(table: pd.DataFrame, setting: str, level: str, measure: str) -> Any:
    [row] = table[(table.setting == setting) & (table.level == level) & (table.measure == measure)].itertuples()
    return row


def test_each_level_is_compared_with_the_studys_own_value_on_every_measure(tmp_path: Path) -> None:
    table = effects(table_of(tmp_path, ALONE), {"news": VENDI}, OWN)
    score = found(table, "temperature", "0.3", SCORE)
    assert score.difference == pytest.approx(-10, abs=0.5)
    assert score.low < score.difference < score.high < 0
    assert (score.n_human, score.n_synthetic, score.covers) == (0, 50, "seeds, repeats")
    assert found(table, "temperature", "0.3", PRICE).difference == pytest.approx(100)
    kept = found(table, "temperature", "0.3", KEPT)
    assert (kept.difference, kept.value, kept.covers) == (pytest.approx(-40), pytest.approx(0.4), "items, repeats")
    assert kept.low < -40 < kept.high < 0
    diversity = found(table, "temperature", "0.3", DIVERSITY)
    assert (diversity.difference, diversity.high - diversity.difference) == (-10, pytest.approx(2**0.5))
    assert found(table, "shots", "0", SCORE).difference == pytest.approx(-3, abs=0.5)


def test_an_effect_that_is_not_there_has_an_interval_around_0(tmp_path: Path) -> None:
    table = effects(table_of(tmp_path, ALONE), {}, OWN)
    nothing = found(table, "temperature", "1.3", SCORE)
    assert nothing.low < 0 < nothing.high
    own = found(table, "temperature", "1", SCORE)
    assert (own.difference, own.value) == (0, pytest.approx(0.6, abs=0.01))
    assert np.isnan(own.low)
    assert list(dict.fromkeys(table[table.setting == "temperature"].level)) == ["0.3", "1", "1.3"]
    assert DIVERSITY not in set(table.measure)


def test_prices_that_differ_by_a_rounding_alone_are_equal(tmp_path: Path) -> None:
    rounded = 0.1 * 3 / 30
    assert rounded != 0.01
    table = effects(table_of(tmp_path, ALONE | {levels_of(temperature="1.3"): (0.60, rounded, 0.8)}), {}, OWN)
    row = found(table, "temperature", "1.3", PRICE)
    assert row.difference == 0


def test_crossed_an_effect_is_the_mean_over_all_pairs_that_differ_in_nothing_else(tmp_path: Path) -> None:
    sets = {
        levels_of(): (0.6, 0.01, 0.8),
        levels_of(temperature="0.3"): (0.5, 0.01, 0.8),
        levels_of(shots="0"): (0.6, 0.01, 0.8),
        levels_of(temperature="0.3", shots="0"): (0.3, 0.01, 0.8),
    }
    scores = table_of(tmp_path, sets)
    table = effects(scores, {}, OWN)
    assert found(table, "temperature", "0.3", SCORE).difference == pytest.approx(-20, abs=0.5)
    assert found(table, "shots", "0", SCORE).difference == pytest.approx(-10, abs=0.5)
    parts = variance_of_scores(scores, OWN).set_index("source").share
    assert parts.sum() == pytest.approx(1)
    assert parts["temperature"] > parts["shots"] > parts["seed of the student"]
    assert parts["settings together"] > 0.05


def test_the_parts_of_the_variance_add_up(tmp_path: Path) -> None:
    table = variance_of_scores(table_of(tmp_path, ALONE), OWN)
    assert list(table.source) == ["temperature", "shots", "repeat of the teacher", "seed of the student"]
    assert table.share.sum() == pytest.approx(1)
    one_draw = variance_of_scores(table_of(tmp_path, ALONE, repeats=1), OWN)
    assert np.isnan(one_draw.set_index("source").share["repeat of the teacher"])


def test_the_figure_is_saved_with_its_table(tmp_path: Path) -> None:
    drawing = effects_figure(table_of(tmp_path, ALONE), {"news": VENDI}, OWN)
    Album(tmp_path, Step("05_budget", {})).show(drawing)
    assert {"effects.csv", "effects.png"} <= {path.name for path in tmp_path.iterdir()}
    assert drawing.figure is not None
    assert len(drawing.figure.axes) == 2 * 4
    assert "0 human and 50 synthetic examples" in drawing.caption


def test_without_two_levels_there_is_no_figure(tmp_path: Path) -> None:
    drawing = effects_figure(table_of(tmp_path, {levels_of(): (0.5, 0.01, 0.8)}), {}, OWN)
    assert drawing.figure is None
    assert "at two levels" in drawing.caption


# ---- settings of students ----

LAYERS = OWN | {"frozen_layers": "default"}


def students_table(path: Path, score: float, *, levels: str | None = None, **recipe: Any) -> str:
    """The scores of students of people alone and of a set, trained in one way."""
    rows = [
        row | {"score": row["score"] - 0.1, "method": NONE, "n_human": size, "n_synthetic": 0, "set_repeat": 1}
        for size in (10, 30)
        for row in rows_of(levels_of(), score)[5:10]
    ]
    table = pd.DataFrame([*rows, *rows_of(levels_of(), score)]).assign(recipe=json.dumps({"frozen_layers": None} | recipe))
    if levels:
        table["student_levels"] = levels
    table.to_csv(path, index=False)
    return str(path)


def two_ways(folder: Path, **recipe: Any) -> list[str]:
    own = students_table(folder / "own.csv", 0.6)
    return [own, students_table(folder / "other.csv", 0.7, levels='{"frozen_layers": "4"}', **{"frozen_layers": 4, **recipe})]


def test_a_setting_of_students_has_an_effect_on_scores_alone(tmp_path: Path) -> None:
    scores = read_scores(two_ways(tmp_path), all_students=True)
    table = effects(scores, {"news": VENDI}, LAYERS)
    assert set(table.setting) == {"frozen_layers"}
    assert set(table.measure) == {SCORE}
    other = table[table.level == "4"].set_index("method")
    assert other.difference.to_dict() == {NONE: pytest.approx(10), "few_shot": pytest.approx(10)}
    mixes = other[["n_human", "n_synthetic"]].T.to_dict("list")
    assert mixes == {NONE: [30, 0], "few_shot": [0, 50]}  # People alone: as many as there are.
    parts = variance_of_scores(scores, LAYERS).set_index(["method", "source"]).share
    assert parts["few_shot", "frozen_layers"] > 0.5
    assert parts[NONE, "frozen_layers"] > 0.5


def test_beside_settings_of_a_set_students_at_other_levels_are_in_no_pair_of_these(tmp_path: Path) -> None:
    cold = tmp_path / "cold.csv"
    pd.DataFrame(rows_of(levels_of(temperature="0.3"), 0.5)).to_csv(cold, index=False)
    scores = read_scores([*two_ways(tmp_path), str(cold)], all_students=True)
    table = effects(scores, {"news": VENDI}, LAYERS)
    assert found(table, "temperature", "0.3", SCORE).difference == pytest.approx(-10, abs=0.5)
    assert found(table, "temperature", "0.3", DIVERSITY).difference == -10
    assert len(table[(table.setting == "frozen_layers") & (table.method == "few_shot")]) == 2
    drawing = effects_figure(scores, {"news": VENDI}, LAYERS)
    assert "5 seeds a point" in drawing.caption
    assert drawing.figure is not None
    assert "does not apply" in [text.get_text() for axis in drawing.figure.axes for text in axis.texts]
    assert {"temperature", "frozen_layers"} < set(variance_of_scores(scores, LAYERS).source)


def test_only_what_settings_do_is_told_of_students_at_other_levels(tmp_path: Path) -> None:
    """All else that 05 says is of the study's own: no mean is over both."""
    tables = two_ways(tmp_path)
    rows = read_scores(tables)
    assert len(rows) == len(pd.read_csv(tables[0]))
    assert len(with_out_of_domain(rows, tables)) == len(rows)
    assert len(read_scores(tables, all_students=True)) == 2 * len(rows)


def test_students_at_a_level_that_differ_in_more_than_the_level_says_are_refused(tmp_path: Path) -> None:
    own = students_table(tmp_path / "own.csv", 0.6, steps=300)
    other = students_table(tmp_path / "b.csv", 0.7, levels='{"frozen_layers": "4"}', frozen_layers=4, steps=50)
    refused(lambda: read_scores([own, other]), "trained in two ways, with steps 300 and 50")
    twice = students_table(tmp_path / "c.csv", 0.7, levels='{"frozen_layers": "4"}', frozen_layers=5, steps=300)
    fine = students_table(tmp_path / "d.csv", 0.7, levels='{"frozen_layers": "4"}', frozen_layers=4, steps=300)
    refused(lambda: read_scores([own, fine, twice]), "with frozen_layers 4 and 5")
    refused(lambda: read_scores([own, students_table(tmp_path / "e.csv", 0.7, frozen_layers=4, steps=300)]), "two ways")


# ---- nothing is pooled silently ----


def test_tables_of_different_levels_are_methods_of_their_own(tmp_path: Path) -> None:
    paths = []
    for at, name in enumerate(ALONE):
        paths.append(str(tmp_path / f"{at}.csv"))
        pd.DataFrame(rows_of(name, 0.5)).to_csv(paths[-1], index=False)
    assert set(read_scores(paths).method) == {name.key for name in ALONE}


def test_tables_of_one_method_with_different_settings_are_refused(tmp_path: Path) -> None:
    """Two runs by hand, whose sets no level sets apart; at one price nothing else would say it."""
    paths = []
    for at, settings in enumerate(['{"temperature": "0.3", "n": "1"}', '{"temperature": "1", "newer": "x"}']):
        paths.append(str(tmp_path / f"{at}.csv"))
        pd.DataFrame(rows_of(levels_of(), 0.5)).assign(set_settings=settings).to_csv(paths[-1], index=False)
    refused(lambda: read_scores(paths), "news, few_shot are of two example sets, with temperature 0.3 and 1", "one run of 04")
    refused(lambda: read_scores(paths, synthetic_price=0.5), "temperature 0.3 and 1")
    pd.DataFrame(rows_of(levels_of(), 0.5)).assign(set_settings='{"temperature": "0.3", "newer": "x"}').to_csv(
        paths[1], index=False
    )
    assert len(read_scores(paths)) == 40  # Older tables lack a setting.
