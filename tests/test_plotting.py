"""Figures that a paper can take: the same bytes again, fonts that can be edited, their numbers beside them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lib import plotting
from lib.budget.plots import (
    against_human,
    cumulative,
    quality_by_dollars,
    quality_by_share,
    score_by_method,
    score_by_ratio,
    score_by_volume,
    teacher_and_students,
)
from lib.budget.scores import by_cell
from lib.core import artifacts, manifest, metrics, paths
from lib.core.artifacts import ExampleSet
from lib.core.mixes import NONE
from lib.core.set_names import SetName, find
from lib.core.sources import Source
from lib.core.tasks import read_card
from lib.diversity import drift, outcomes
from lib.diversity.plots import (
    note_on_means,
    plot_drift,
    plot_guesses,
    plot_lengths,
    plot_map,
    plot_measures,
    plot_outcomes,
    plot_trees,
    plot_words,
)
from lib.training.plots import learning_curve


@pytest.fixture(autouse=True)
def style(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plotting, "_TAKEN", {})  # As in a notebook of its own.
    with plt.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def scores() -> pd.DataFrame:
    """Rows as 04 writes them: two tasks, two methods, two seeds; one task has only one of the methods."""
    prices = {"human_price": 1.0, "synthetic_price": 0.25, "human_pool": 4, "synthetic_pool": 6, "metric": "accuracy"}
    made = {"encoder": "e", "teacher": "recorded", "data_source": "own.csv", "stand_in": False}
    mixes = {NONE: [(2, 0), (4, 0)], "zero_shot": [(1, 4), (0, 6)], "my_method": [(1, 4), (0, 6)]}
    rows = [
        {"task": task, "method": method, "n_human": h, "n_synthetic": s, "seed": seed, "score": 0.4 + 0.01 * (h + s + seed)}
        | prices | made | {"n_test": 160 if task == "news" else 80}
        for task in ("news", "review") for method in mixes for h, s in mixes[method] for seed in (1, 2)
        if (task, method) != ("review", "my_method")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def grid() -> pd.DataFrame:
    return by_cell(scores(), [2.0, 4.0], [0, 0.5, 1])


def texts() -> pd.DataFrame:
    points = np.random.default_rng(1).normal(size=(12, 2))
    return pd.DataFrame({"set": ["zero_shot"] * 4 + ["human"] * 8, "text": "t", "x": points[:, 0], "y": points[:, 1]})


def measured() -> pd.DataFrame:
    rows = [
        {"set": s, "measure": m, "value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
        for s in ("human", "own")
        for m in ("mean_cosine", "new")
    ]
    return pd.DataFrame(rows)  # fmt: skip


def on_two_sets() -> pd.DataFrame:
    """Rows of one task with two measures on two evaluation sets: one is high where the other is low."""
    rows = scores()[lambda rows: rows.task == "news"]
    high, low = rows.score.tolist(), (rows.score / 2).tolist()
    values = {"test": {"macro_f1": high, "accuracy": low}, "later": {"macro_f1": low, "accuracy": high}}
    return pd.concat([rows.assign(evaluated_on=name, **measured) for name, measured in values.items()], ignore_index=True)


def learned() -> pd.DataFrame:
    return metrics.learning(on_two_sets(), ["macro_f1", "accuracy"])


def labels_and_words() -> pd.DataFrame:
    columns = ["word", "label", "n", "share", "expected", "z", "p", "q"]
    rows = [["rain", "a", 9, 1.0, 0.5, 3.0, 0.002, 0.01], ["tea", "b", 4, 0.5, 0.5, 0.0, 1.0, 1.0]]
    return pd.concat([pd.DataFrame(rows, columns=columns).assign(set=name) for name in ("zero_shot", "human")])


def guessed() -> pd.DataFrame:
    rows = [
        ("zero_shot", "question", 0.7),
        ("human", "question", 0.5),
        ("zero_shot", "all fields", 0.9),
        ("human", "all fields", 0.8),
        ("human", "matching words", 0.1),
    ]
    interval = [{"set": s, "given": g, "accuracy": a, "low": a - 0.1, "high": a + 0.1, "chance": 0.5, "n": 9} for s, g, a in rows]
    return pd.DataFrame(interval).assign(null_low=0.3, null_high=0.7, p=0.5)


def test_a_guess_that_shuffles_reach_is_hollow() -> None:
    first, second, _ = plot_guesses(guessed()).axes
    faces = [[line.get_markerfacecolor() for line in axis.lines if line.get_marker() == "o"] for axis in (first, second)]
    assert faces[0] == ["white", "white"]
    assert "white" not in faces[1]


def labels_of(tasks: Sequence[str], folder: Path) -> list[str]:
    """Labels of test sets as 02 saves them, by hand."""
    made = {"parameters": {"method": "zero_shot"}, "metric": "accuracy", "n": 50}
    for number, task in enumerate(tasks):
        pd.DataFrame([{"id": "a"}]).to_parquet(folder / f"{task}.parquet")
        (folder / f"{task}.json").write_text(json.dumps(made | {"task": task, "score": 0.5 + number / 10}))
    return [str(folder / f"{task}.parquet") for task in tasks]


def strayed() -> pd.DataFrame:
    cells = [
        (s, step, at, m) for s in ("random", "tree") for step in drift.DRIFT_STEPS for at in (1, 2) for m in drift.DRIFT_MEASURES
    ]
    rows = [
        {"set": s, "step": step, "at": at, "measure": m, "mean": 0.5, "low": 0.4, "high": 0.6, "n": 5} for s, step, at, m in cells
    ]
    return pd.DataFrame(rows)


def grown() -> pd.DataFrame:
    rows = [("seed", None, 0, 0.0), ("a", "seed", 1, -0.5), ("b", "seed", 1, 0.5), ("c", "a", 2, 0.0)]
    one = pd.DataFrame(rows, columns=["id", "parent", "depth", "place"]).assign(likeness=0.5)
    return pd.concat([one.assign(set=name) for name in ("random", "tree")])


def became() -> pd.DataFrame:
    account = [
        {"outcome": name, "items": 5, "dollars": 0.1} for name in ("kept", "invalid: no text", "duplicate", "failed: no reply")
    ]
    sets = {name: ExampleSet(find(name), [{}], 0.1, "m", 0, account) for name in ("tree", "tree_start_2", "tree_checked")}
    return outcomes.outcome_shares(sets)


def everywhere() -> pd.DataFrame:
    """People and a strategy alone, in the domain and out of it."""
    rows = [
        {"task": "news", "method": m, "evaluated_on": e, "n_human": n * (m == NONE), "n_synthetic": n * (m != NONE), "seed": s, "score": 0.5 + n / 99 + s / 50}
        for m in (NONE, "tree") for e in ("test", "far") for n in (5, 10, 20) for s in (1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(metric="accuracy")


def compared() -> pd.DataFrame:
    rows = [
        {"task": task, "method": method if n else NONE, "n_human": h, "n_synthetic": n, "seed": seed, "score": 0.3 + h / 90 + n / 99 + seed / 50}
        for task in ("news", "review") for method in ("zero_shot", "mine") for h in (0, 5, 10) for n in (0, 5, 10) for seed in (1, 2) if h + n
    ]  # fmt: skip
    return pd.DataFrame(rows).drop_duplicates().assign(metric="accuracy")


def figure_of(drawing: plotting.Drawing) -> Figure:
    assert drawing.figure is not None
    return drawing.figure


def teacher_figure() -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        return figure_of(teacher_and_students(compared(), labels_of(["news", "review"], Path(folder))))


FIGURES: dict[str, Callable[[], Figure]] = {
    "quality_by_share": lambda: figure_of(quality_by_share(scores(), [2.0, 4.0], [0, 0.5, 1])),
    "quality_by_dollars": lambda: figure_of(quality_by_dollars(scores())),
    "score_by_method": lambda: figure_of(score_by_method(compared())),
    "score_by_volume": lambda: figure_of(score_by_volume(compared())),
    "score_by_ratio": lambda: figure_of(score_by_ratio(compared())),
    "teacher_and_students": teacher_figure,
    "measures": lambda: plot_measures(measured()),
    "map_of_texts": lambda: plot_map(texts()),
    "lengths": lambda: plot_lengths(pd.DataFrame({"set": ["human", "mine"] * 6, "words": range(12)})),
    "telling_words": lambda: plot_words(labels_and_words(), ["zero_shot", "human", "without words"]),
    "guesses": lambda: plot_guesses(guessed()),
    "no words": lambda: plot_words(labels_and_words().head(0), ["human"]),
    "one seed": lambda: figure_of(score_by_method(compared()[lambda rows: rows.seed == 1])),
    "drift": lambda: plot_drift(strayed()),
    "trees": lambda: plot_trees(grown()),
    "outcomes": lambda: plot_outcomes(became()),
    "against_human": lambda: figure_of(against_human(everywhere())),
    "cumulative": lambda: figure_of(cumulative(everywhere())),
    "no guesses": lambda: plot_guesses(guessed().head(0)),
    "learning_curve": lambda: learning_curve(learned()),
    "confusion": lambda: plotting.confusion([("a", "a"), ("b", "a"), ("b", "b")], ["a", "b", "c"]),
}
CAPTION = "What it shows, with its intervals, for a reader who has only the figure. " * 4


class Saved(NamedTuple):
    figure: Figure
    pdf: Path
    png: Path


def draw(name: str, folder: Path) -> Saved:
    """A figure as in a notebook of its own, saved."""
    with pytest.MonkeyPatch.context() as patch, plt.rc_context():
        patch.setattr(plotting, "_TAKEN", {})
        plotting.use_style()
        figure = FIGURES[name]()
        return Saved(figure, *map(Path, plotting.save_figure(figure, folder / name, CAPTION)))


@pytest.fixture(scope="module", params=FIGURES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Each figure once, for all tests of its files: drawing takes a second."""
    return draw(request.param, tmp_path_factory.mktemp("one"))


def test_a_figure_is_a_pdf_without_a_date_and_a_png(saved: Saved) -> None:
    assert (saved.pdf.suffix, saved.pdf.stem) == (".pdf", saved.png.stem)
    assert b"/CreationDate" not in saved.pdf.read_bytes()
    assert saved.png.read_bytes()[:4] == b"\x89PNG"


def test_a_figure_is_laid_out_once_on_round_places(saved: Saved) -> None:
    """The last digits that a solver finds differ from run to run."""
    places = [axis.get_position(original=True).bounds for axis in saved.figure.axes]
    assert places == [pytest.approx(tuple(round(part, 4) for part in one), abs=1e-9) for one in places]
    saved.figure.draw_without_rendering()
    assert places == [axis.get_position(original=True).bounds for axis in saved.figure.axes]


def test_fonts_are_truetype(saved: Saved) -> None:
    """Type 3 fonts cannot be edited, and some venues refuse them."""
    pdf = saved.pdf.read_bytes()
    assert b"/CIDFontType2" in pdf
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


TWICE = ("quality_by_dollars", "map_of_texts", "confusion")
"""Figures whose bytes are compared: lines with intervals, dots, a table."""


def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    """Python hashes strings anew in each process."""
    script = (
        f"import pathlib, test_plotting\nfor name in {TWICE}: test_plotting.draw(name, pathlib.Path({str(tmp_path / 'there')!r}))"
    )
    tests = os.pathsep.join(map(str, (paths.ROOT, paths.ROOT / "tests")))
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": tests, "MPLBACKEND": "agg"}
    started = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment)
    here = [file for name in TWICE for file in draw(name, tmp_path / "here")[1:]]
    assert started.wait(120) == 0
    for file in here:
        assert file.read_bytes() == (tmp_path / "there" / file.name).read_bytes()


def test_the_numbers_lie_beside_the_figure(tmp_path: Path) -> None:
    step = artifacts.Step("05_budget", {"seed": 1})
    plotting.save_figure(FIGURES["quality_by_share"](), tmp_path / "a", CAPTION, grid(), step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.json", "a.pdf", "a.png"]
    numbers = pd.read_csv(tmp_path / "a.csv").fillna({"covers": ""})
    pd.testing.assert_frame_equal(numbers, grid().fillna({"covers": ""}), check_dtype=False)
    assert artifacts.how_made(tmp_path / "a.csv")["parameters"] == {"seed": 1}


def test_the_caption_is_in_the_figure_below_the_axes(tmp_path: Path) -> None:
    figure = FIGURES["learning_curve"]()
    before = figure.get_size_inches()
    plotting.save_figure(figure, tmp_path / "a", CAPTION)
    [caption] = figure.texts
    assert " ".join(caption.get_text().split()) == CAPTION.strip()
    after = figure.get_size_inches()
    assert after[0] == before[0]
    assert after[1] > before[1]
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    assert caption.get_window_extent(renderer).ymax <= figure.axes[0].get_tightbbox(renderer).ymin
    assert caption.get_window_extent(renderer).xmax <= figure.bbox.xmax


def test_a_chain_of_many_steps_has_a_line_of_means_before_pale_points() -> None:
    long = pd.concat([strayed().assign(at=lambda table, k=k: table["at"] + 2 * k, mean=k % 2) for k in range(20)])
    [points, line, *_] = plot_drift(long[long.set == "random"]).axes[0].lines
    assert set(points.get_ydata()) == {0, 1}
    assert points.get_alpha() < 1
    assert line.get_ydata()[10:30].std() < 0.2
    assert "running mean of 9, but for the Vendi score" in note_on_means(long)
    assert note_on_means(strayed()) == ""


def test_a_dry_cell_is_hollow() -> None:
    figure = FIGURES["quality_by_share"]()
    faces = [tuple(face) for axis in figure.axes for dots in axis.collections for face in dots.get_facecolor()]
    assert (1.0, 1.0, 1.0, 1.0) in faces


# ---- learning curves ----


def panels(figure: Figure) -> dict[tuple[str, str], Any]:
    """Each panel by what it measures and what it was tested on."""
    return {(axis.get_ylabel(), axis.get_title()): axis for axis in figure.axes}


def lines(axis: Any) -> dict[str, list[tuple[float, float]]]:
    """The points of each line by its name in the legend."""
    return {drawn.get_label(): [tuple(point) for point in drawn[0].get_xydata()] for drawn in axis.containers}


def intervals(axis: Any) -> list[tuple[float, float]]:
    """Lower and upper end of each interval that is drawn."""
    segments = [ends for drawn in axis.containers for ends in drawn[2][0].get_segments() if len(ends)]
    return [(low[1], high[1]) for low, high in segments]


def test_each_measure_and_evaluation_set_has_its_panel() -> None:
    found = panels(learning_curve(learned()))
    assert set(found) == {
        (measure, title) for measure in ("macro-F1", "accuracy") for title in ("own test set", "tested on later")
    }
    # Scores are 0.4 + 0.01 * (n + seed), as `scores` says, so 0.435 over both seeds at n = 2; low is half of it.
    high = {"human only": [(2, 0.435), (4, 0.455)], "zero-shot": [(6, 0.475)], "my method": [(6, 0.475)]}
    for (measure, name), axis in found.items():
        factor = 1.0 if (measure, name) in [("macro-F1", "own test set"), ("accuracy", "tested on later")] else 0.5
        drawn = lines(axis)
        assert set(drawn) == set(high)
        for label, points in drawn.items():
            assert points == [pytest.approx((n, mean * factor)) for n, mean in high[label]]


def test_panels_stand_in_the_order_of_the_measures_and_the_task_s_own_test_set_comes_first() -> None:
    figure = learning_curve(metrics.learning(on_two_sets(), ["macro_f1", "accuracy"]))
    order = [(axis.get_title(), axis.get_ylabel()) for axis in figure.axes]
    assert order == [(title, measure) for title in ("own test set", "tested on later") for measure in ("macro-F1", "accuracy")]


def test_one_evaluation_set_needs_no_title() -> None:
    own = metrics.learning(on_two_sets()[lambda rows: rows.evaluated_on == "test"], ["accuracy"])
    figure = learning_curve(own)
    assert list(panels(figure)) == [("accuracy", "")]
    assert figure.get_size_inches()[0] == pytest.approx(plotting.COLUMN)


def alone(values: list[float]) -> pd.DataFrame:
    """A curve of one point: two examples of people, a score a seed."""
    rows = [
        {"method": NONE, "n_human": 2, "n_synthetic": 0, "seed": i, "evaluated_on": "test", "f1": v} for i, v in enumerate(values)
    ]
    return metrics.learning(pd.DataFrame(rows), ["f1"])


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.0, 0.9], 0.0, 1.0),  # Of two values the t-interval goes to -5.27 and 6.17.
        ([0.02, 0.04], 0.0, 0.03 + 12.7062 * 0.01),
        ([0.9, 1.0, 0.98], 0.96 - 4.3027 * 0.052915 / 3**0.5, 1.0),
        ([0.4, 0.5, 0.6], 0.5 - 4.3027 * 0.1 / 3**0.5, 0.5 + 4.3027 * 0.1 / 3**0.5),
    ],
)
def test_an_interval_is_cut_to_where_a_score_can_be(values: list[float], low: float, high: float) -> None:
    [found] = intervals(learning_curve(alone(values)).axes[0])
    assert found == pytest.approx((low, high), abs=1e-4)


def test_equal_scores_have_no_bar() -> None:
    assert not intervals(learning_curve(alone([0.0, 0.0])).axes[0])


def test_one_seed_has_a_point_without_an_interval() -> None:
    [axis] = learning_curve(alone([0.5])).axes
    assert lines(axis) == {"human only": [(2, 0.5)]}
    assert intervals(axis) == []


def test_the_axis_of_a_score_does_not_go_below_zero() -> None:
    """A student that finds nothing scores 0, and ticks at -0.04 would promise less."""
    [axis] = learning_curve(alone([0.0, 0.0])).axes
    assert not [tick for tick in axis.get_yticks() if axis.get_ylim()[0] <= tick < 0]


# ---- confusions ----


def counts(figure: Figure) -> dict[tuple[str, str], int]:
    """The number in each cell, by the names at its row and column."""
    [axis] = figure.axes
    rows, columns = ([tick.get_text() for tick in ticks] for ticks in (axis.get_yticklabels(), axis.get_xticklabels()))
    cells = [(row, column) for row in rows for column in columns]
    return dict(zip(cells, (int(text.get_text()) for text in axis.texts), strict=True))


def test_what_is_missed_or_made_up_is_the_last_class() -> None:
    pairs = [("a", "a"), ("a", "nothing"), ("a", "nothing"), ("z", "a"), ("nothing", "z")]
    figure = plotting.confusion(pairs, ["z", "a"])
    found = counts(figure)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["z", "a", "nothing"]
    assert {cell: n for cell, n in found.items() if n} == {
        ("a", "a"): 1,
        ("a", "nothing"): 2,
        ("z", "a"): 1,
        ("nothing", "z"): 1,
    }
    assert len(found) == 9


def test_a_confusion_has_only_its_labels_where_nothing_is_missed() -> None:
    found = counts(plotting.confusion([("a", "b"), ("b", "b"), ("a", "b")], ["a", "b"]))
    assert found == {("a", "a"): 0, ("a", "b"): 2, ("b", "a"): 0, ("b", "b"): 1}


@pytest.mark.parametrize(
    "labels",
    [
        [f"choice {i}" for i in range(1, 6)],
        ["entailment", "not_entailment"],
        ["Place", "Remove", "Combine", "Present", "nothing"],
    ],
    ids=["choices", "pairs", "types"],
)
def test_names_of_a_confusion_do_not_overlap(labels: list[str]) -> None:
    figure = plotting.confusion([(label, label) for label in labels], labels)
    figure.canvas.draw()
    [axis] = figure.axes
    for ticks in (axis.get_xticklabels(), axis.get_yticklabels()):
        boxes = [tick.get_window_extent() for tick in ticks]
        assert not [(one, other) for one, other in pairwise(boxes) if one.overlaps(other)]


# ---- words ----


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (NONE, "human only"),
        ("zero_shot_topic", "zero-shot topic"),
        ("labeled_zero_shot", "teacher's labels"),
        (SetName("tree", 2).key, "tree, seed 2"),
        (SetName("zero_shot", derived=("rephrased",)).key, "zero-shot, rephrased"),
        (SetName("tree", 3, derived=("checked",)).key, "tree, seed 3, checked"),
        ("bought_corrected", "bought corrected"),
        ("macro_f1", "macro-F1"),
        ("some_measure", "some measure"),
    ],
)
def test_names_in_words(name: str, words: str) -> None:
    assert plotting.named(name) == words


@pytest.mark.parametrize("method", ["zero_shot", "zero_shot_topic", "my_method"])
def test_a_method_has_one_colour_and_its_sets_shades_of_it(method: str) -> None:
    others = [SetName(method, start=2), SetName(method, start=3), SetName(method, derived=("corrected",))]
    keys = [method, *(name.key for name in others)]
    colors = [plotting.color(key) for key in keys]
    assert colors == [plotting.color(key) for key in keys]
    assert len({*colors, plotting.color(NONE)}) == 5
    assert len({plotting.marker(key) for key in keys}) == 4
    assert plotting.color(SetName(method, repeat=3).key) == colors[0]


def test_no_colour_stands_for_two_sets() -> None:
    """More sets than the palette has hues, those of three papers among them."""
    papers = [name for names in plotting._ORDER for name in names]
    keys = [*papers, *(f"set {number}" for number in range(12)), SetName("tree", start=2).key, NONE]
    assert len({plotting.color(key) for key in keys}) == len(keys)


# ---- layouts ----


def of_methods(methods: Sequence[str], tasks: Sequence[str] = ("news",)) -> pd.DataFrame:
    """Each of some methods alone, and people, on some tasks."""
    rows = [
        {"task": task, "method": method, "n_human": n * (method == NONE), "n_synthetic": n * (method != NONE), "seed": seed,
         "score": 0.5 + n / 200 + seed / 50}
        for task in tasks for method in [NONE, *methods] for n in (5, 10, 20) for seed in (1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(metric="trigger_weighted_f1")


def test_a_legend_is_as_wide_as_its_figure_at_most() -> None:
    methods = [f"a method that has a rather long name, {number}" for number in range(9)]
    figure = figure_of(cumulative(of_methods(methods)))
    figure.draw_without_rendering()
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert 0 <= box.xmin <= box.xmax <= figure.bbox.xmax
    assert [text.get_text() for text in legend.get_texts()] == [NONE, *methods]


def test_differences_to_people_are_one_forest() -> None:
    """Ten tasks with six methods each fit on a page; no word overlaps another or is cut."""
    figure = figure_of(against_human(of_methods(list("abcdef"), [f"task {number}" for number in range(10)])))
    [axis] = figure.axes
    assert figure.get_figheight() < 13
    figure.draw_without_rendering()
    words = [*axis.get_yticklabels(), *axis.texts]
    boxes = [word.get_window_extent() for word in words]
    assert not [(one, other) for one, other in combinations(boxes, 2) if one.overlaps(other)]
    assert all(box.xmin >= 0 and box.xmax <= figure.bbox.xmax for box in boxes)
    assert {"task 0, own test set", ".63 against .63"} <= {word.get_text() for word in words}


def test_a_wide_interval_is_cut_with_an_arrow() -> None:
    rows = of_methods("ab")
    rows.loc[(rows.method == "a") & (rows.seed == 1), "score"] = 0.1
    rows.loc[rows.method == "b", "score"] *= 1.2
    [axis] = figure_of(against_human(rows)).axes
    low, high = axis.get_xlim()
    assert -110 < low < high < 110
    assert "<" in {line.get_marker() for line in axis.lines}


def test_panels_of_a_task_share_an_axis_unless_a_curve_would_be_flat() -> None:
    rows = pd.DataFrame(
        [
            {"task": task, "method": "m" if n else NONE, "n_human": h, "n_synthetic": n, "seed": seed, "score": score + slope * n}
            for task, h, score, slope in [("a", 5, 0.3, 0.01), ("a", 9, 0.4, 0.01), ("b", 5, 0.3, 0.03), ("b", 9, 0.9, 0.001)]
            for n in (0, 5, 10)
            for seed in (1, 2)
        ]
    )
    limits = {axis.get_title(): axis.get_ylim() for axis in figure_of(score_by_volume(rows)).axes}
    assert limits["a: + 5 human"] == limits["a: + 9 human"]
    assert limits["b: + 9 human"][0] > limits["b: + 5 human"][0]
    assert limits["b: + 9 human"][1] - limits["b: + 9 human"][0] < 0.05


def test_a_few_ratios_by_chance_are_no_comparison() -> None:
    """Of three methods one has three ratios at 40 examples, as budgets would have it; asked for, they are drawn."""
    rows = compared()
    more = rows.assign(task="third", method=rows.method.where(rows.method == NONE, "own"))
    one = pd.concat([more[more.n_human + more.n_synthetic == 10], rows[rows.n_synthetic.isin([0, 10]) & (rows.n_human != 10)]])
    assert score_by_ratio(one).figure is None
    assert score_by_ratio(one, [10]).figure is not None


# ---- chance ----


def lines_of_chance(figure: Figure) -> list[float]:
    drawn = [line for axis in figure.axes for line in axis.lines if line.get_label() == plotting.CHANCE_LABEL]
    return [float((np.ptp(line.get_xdata()) and line.get_ydata()[0]) or line.get_xdata()[0]) for line in drawn]


@pytest.mark.parametrize("draw", [score_by_method, score_by_volume, score_by_ratio, cumulative])
def test_chance_is_a_line_with_a_name(draw: Callable[[pd.DataFrame], plotting.Drawing]) -> None:
    rows = everywhere() if draw is cumulative else compared()
    drawing = draw(rows.assign(chance=0.25, score=rows.score - 0.2))
    figure = figure_of(drawing)
    assert set(lines_of_chance(figure)) == {0.25}
    assert plotting.CHANCE_LABEL in {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert "most frequent label" in drawing.caption
    assert "most frequent label" not in draw(rows).caption


@pytest.mark.parametrize("draw", [lambda rows: quality_by_share(rows, [2.0, 4.0], [0, 0.5, 1]), quality_by_dollars])
def test_chance_is_a_line_where_dollars_are(draw: Callable[[pd.DataFrame], plotting.Drawing]) -> None:
    assert set(lines_of_chance(figure_of(draw(scores().assign(chance=0.4))))) == {0.4}


def test_chance_far_below_the_curves_is_a_word() -> None:
    figure = figure_of(score_by_volume(compared().assign(score=lambda rows: 0.9 + rows.score / 99, chance=0.1)))
    assert lines_of_chance(figure) == []
    assert {text.get_text() for axis in figure.axes for text in axis.texts} == {"chance .10 \u2193"}


def test_a_learning_curve_has_the_chance_of_its_measure() -> None:
    figure = learning_curve(learned(), {("test", "accuracy"): 0.2, ("later", "macro_f1"): 0.21})
    assert lines_of_chance(figure) == [0.2, 0.21]


# ---- dollars ----


@pytest.mark.parametrize(
    ("most", "ticks", "label"),
    [
        (0.04, ["$0.01", "$0.02"], "dollars an example"),
        (0.004, ["$1", "$2"], "dollars per 1,000 examples"),
        (4e-5, ["$0.01", "$0.02"], "dollars per 1,000 examples"),
        (4e-7, ["$0.1", "$0.2"], "dollars per 1,000,000 examples"),
    ],
)
@pytest.mark.parametrize("upright", [False, True])
def test_prices_below_a_cent_are_those_of_many_examples(most: float, ticks: list[str], label: str, upright: bool) -> None:
    figure, axes = plt.subplots()
    axes.set(xlim=(0, most), ylim=(0, most))
    assert plotting.price_axis(axes, "dollars an example", upright=upright) == label
    scale = axes.yaxis if upright else axes.xaxis
    assert [scale.get_major_formatter()(most / 4 * place) for place in (1, 2)] == ticks
    plt.close(figure)


def test_no_amount_of_dollars_is_a_power_of_ten() -> None:
    figure, axes = plt.subplots()
    axes.set_xlim(1e-5, 2e5)
    plotting.plain_dollars(axes)
    said = [axes.xaxis.get_major_formatter()(amount) for amount in axes.get_xticks()]
    assert (said[0], said[-1]) == ("$0.00001", "$1000")
    assert [plotting.price_said(dollars) for dollars in (1.26e-5, 0.02, 130, 0)] == ["$0.000013", "$0.02", "$130", "$0"]
    plt.close(figure)


# ---- nothing to see ----


def test_one_score_of_the_teacher_is_a_sentence(tmp_path: Path) -> None:
    for task in ("news", "review"):
        labels_of([task], tmp_path)
    drawing = teacher_and_students(compared(), [str(tmp_path / f"{task}.parquet") for task in ("news", "review")])
    assert drawing.figure is None
    assert drawing.caption.startswith("The teacher's own score is 0.50 by")
    assert drawing.table is not None


def test_a_caption_says_seeds_sizes_encoder_and_data() -> None:
    said = plotting._rows_note(scores())
    assert said == "2 seeds a point. n test: news 160, review 80. Encoder: e. Teacher: recorded. Data of news, review: own.csv."


def test_a_caption_says_what_it_knows_of_tables_of_different_people() -> None:
    own: dict[str, Any] = dict.fromkeys(["encoder", "teacher", "data_source", "n_test"])
    mixed = pd.concat([scores(), scores()[:4].assign(task="mine", **own)], ignore_index=True)
    assert plotting._rows_note(mixed) == plotting._rows_note(scores())
    assert plotting._rows_note(scores().drop(columns=list(own))) == "2 seeds a point."


def test_a_title_without_room_takes_two_lines() -> None:
    assert plotting.heading("news: zero-shot") == "news: zero-shot"
    assert plotting.heading("mitmovie: diversify Y, vanilla, corrected") == "mitmovie:\ndiversify Y, vanilla, corrected"


def test_among_very_many_panels_titles_and_labels_take_more_lines() -> None:
    assert plotting.heading("hyperbole: GPT-4", 20) == "hyperbole: GPT-4"
    assert plotting.heading("emotion: tested on another set of tweets", 20) == "emotion:\ntested on another set\nof tweets"
    figure, placed = plotting.flow([(None, str(number)) for number in range(13)], 1)
    plotting.label_x(placed, "share spent on the teacher")
    assert {axis.get_xlabel() for _, _, axis in placed} == {"", "share spent on the\nteacher"}
    plt.close(figure)


def test_methods_are_listed_beside_panels_that_have_them() -> None:
    """A task with methods of its own begins a new row, and its points lie around the names of its methods."""
    others = compared()[lambda rows: rows.task == "news"].assign(
        task="mine", method=lambda rows: rows.method.replace("zero_shot", "x")
    )
    figure = figure_of(score_by_method(pd.concat([compared(), others], ignore_index=True)))
    of_task = {axis.get_title().split()[0]: axis for axis in figure.axes if axis.get_title()}
    assert len(of_task["mine"].get_yticks()) == 2
    assert [label.get_text() for label in of_task["mine"].get_yticklabels()] == ["mine", "x"]
    assert [label.get_text() for label in of_task["news"].get_yticklabels()] == ["zero-shot", "mine"]


def test_a_set_that_budgets_do_not_buy_has_no_panel_of_shares() -> None:
    """Of another set only the whole was trained, in a grid."""
    rows = scores()[lambda rows: rows.task == "news"]
    whole = rows[(rows.method == "my_method") & (rows.n_human == 0)].assign(method="whole")
    table = quality_by_share(pd.concat([rows, whole], ignore_index=True), [2.0, 4.0], [0, 0.5, 1]).table
    assert table is not None
    assert set(table.curve) == {"zero_shot", "my_method"}


def test_no_panel_is_empty() -> None:
    """A task that was not trained beside so many raw examples leaves its place free."""
    mixes = [("a", 0), ("a", 9), ("b", 0)]
    table = pd.DataFrame(
        [
            {"task": task, "method": "m", "n_human": h, "n_synthetic": n, "seed": 1, "score": 0.5}
            for task, h in mixes
            for n in (1, 2, 3)
        ]
    )
    figure = figure_of(score_by_volume(table))
    drawn = [axis.get_title() for axis in figure.axes if axis.get_visible()]
    assert drawn == ["a: synthetic only", "b: synthetic only", "a: + 9 human"]


def test_a_caption_names_the_tasks_that_are_drawn() -> None:
    rows = scores()
    assert plotting.caption("Text.", rows) == plotting.caption("Text.", rows, []) == f"Text. {plotting._rows_note(rows)}"
    expected = "Text. 2 seeds a point. n test: news 160. Encoder: e. Teacher: recorded. Data of news: own.csv."
    assert plotting.caption("Text.", rows, rows.task[rows.task == "news"]) == expected


def test_a_caption_says_where_tasks_have_other_numbers_of_seeds() -> None:
    one = scores().drop(columns=["encoder", "teacher", "data_source", "n_test"])
    assert plotting._rows_note(one) == "2 seeds a point."
    news = one[one.task == "news"].assign(task="mine")
    more = pd.concat([one, news, news.assign(seed=news.seed + 10)], ignore_index=True)
    assert plotting._rows_note(more) == "2 to 4 seeds a point."


def test_a_caption_names_each_source_once() -> None:
    sources = {"b": "x/y", "a": "x/y", "c": "own.csv", "d": None}
    rows = pd.DataFrame([{"task": task, "data_source": source, "stand_in": source is None} for task, source in sources.items()])
    assert plotting._data_notes(rows) == ["Data of a, b: x/y.", "Data of c: own.csv.", plotting._EMBEDDED_NOTE]
    assert plotting._data_notes(rows[["task"]]) == []


def test_without_rows_to_draw_there_is_a_reason_instead_of_a_figure() -> None:
    alone = everywhere()[lambda rows: rows.method != NONE]
    drawings = [
        against_human(alone), score_by_method(scores()[:4]), score_by_ratio(scores()), quality_by_share(scores(), [], []),
        teacher_and_students(compared(), []),
    ]  # fmt: skip
    assert [drawing.figure for drawing in drawings] == [None] * 5
    assert all(drawing.caption.endswith(".") for drawing in drawings)


def test_a_caption_says_where_the_data_is_from() -> None:
    card = read_card("news")
    assert plotting.source_note(card, None) == plotting._EMBEDDED_NOTE
    hub = next(name for name, source in card.sources.items() if source.hub)
    assert plotting.source_note(card, hub) == f"Data of news: {card.sources[hub].hub}."
    own = card.model_copy(update={"sources": {"own": Source(files={"train": "a.csv", "test": "b.csv"})}})
    assert plotting.source_note(own, None) == "Data of news: a.csv, b.csv."
    assert plotting.source_note(read_card("risec"), None) == "Data of risec: risec."


def test_an_album_lists_what_it_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    album = plotting.Album(tmp_path, artifacts.Step("05_budget", {"seed": 1}))
    figure, _ = plotting.grid_of(1, 1, 2, 1)
    album.show(plotting.Drawing("lines", figure, "Lines.", pd.DataFrame({"n": [1]})))
    album.show(plotting.Drawing("points", None, "No points: one budget is not enough."))
    album.table("numbers", pd.DataFrame({"n": [2]}))
    album.close("05_budget")
    names = ["lines.pdf", "lines.png", "lines.csv", "numbers.csv"]
    assert manifest.read(tmp_path / "05_budget.json") == [paths.relative(tmp_path / name) for name in names]
    assert all((tmp_path / name).is_file() for name in names)
    assert capsys.readouterr().out.splitlines()[-1] == "No points: one budget is not enough."


def test_a_sentence_replaces_the_picture_of_an_earlier_run(tmp_path: Path) -> None:
    album = plotting.Album(tmp_path, artifacts.Step("05_budget", {"seed": 1}))
    figure, _ = plotting.grid_of(1, 1, 2, 1)
    album.show(plotting.Drawing("lines", figure, "Lines.", pd.DataFrame({"n": [1]})))
    album.show(plotting.Drawing("lines", None, "All lines are flat.", pd.DataFrame({"n": [3]})))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.csv", "lines.json"]
    assert pd.read_csv(tmp_path / "lines.csv").n.tolist() == [3]
