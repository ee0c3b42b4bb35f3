"""What the workflow reads, writes and gives to each step of a study."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from declared import names_taken
from snakemake.exceptions import WorkflowError

from lib.core import manifest, paths
from lib.study.workflow import Studies, StudySteps, as_yaml, open_studies

PLAIN: dict[str, Any] = {
    "question": "Which?",
    "tasks": ["news"],
    "generation": {"methods": ["zero_shot", "one_shot"], "rephrase": ["zero_shot"]},
    "labeling": {"methods": ["zero_shot"], "n": 60, "test_methods": ["few_shot"], "n_test": 20, "written": ["one_shot"]},
    "budgets": {"budgets": [0.9], "shares": [0, 1]},
}


def steps_of(folder: Path, **changes: Any) -> StudySteps:
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(PLAIN | changes), encoding="utf-8")
    return Studies([str(file)]).steps["mine"]


# ---- files ----


def test_each_set_has_its_file(tmp_path: Path) -> None:
    news = steps_of(tmp_path).tasks["news"]
    folder = "runs/mine/news"
    assert news.written == [f"{folder}/01_generation/{name}.parquet" for name in ("zero_shot", "one_shot", "zero_shot_rephrased")]
    assert news.human_labels == [f"{folder}/02_labeling/zero_shot.parquet"]
    assert news.test_labels == [f"{folder}/02_labeling/few_shot_test.parquet"]
    [labels] = news.relabeled
    assert news.learned == [*news.written, *news.human_labels, f"{folder}/02_labeling/{labels}.parquet"]
    assert news.source_of(labels) == news.written[1]
    assert news.compared == news.written
    assert set(news.artefacts) == {*news.learned, *news.test_labels}


def test_a_study_ends_with_the_lists_of_its_figures(tmp_path: Path) -> None:
    steps = steps_of(tmp_path)
    assert steps.lists == ["runs/mine/figures/03_diversity_news.json", "runs/mine/figures/05_budget.json"]
    assert set(steps.targets) >= {*steps.lists, *steps.scores, *steps.tasks["news"].artefacts}
    alone = steps_of(tmp_path, generation={"methods": []}, labeling={"n": 0})
    assert alone.lists == ["runs/mine/figures/05_budget.json"]


def test_dialogues_are_compared_and_learned_from_with_their_labels(tmp_path: Path) -> None:
    labeling = {"methods": ["three_steps"], "n": 5, "written": ["dialogues"]}
    frames = steps_of(tmp_path, tasks=["frames"], raw=3, generation={"methods": ["dialogues"], "n": 4}, labeling=labeling).tasks[
        "frames"
    ]
    assert frames.written[0] not in frames.learned
    assert frames.compared == frames.learned
    assert [Path(path).stem for path in frames.learned] == ["three_steps", "dialogues_three_steps"]


def test_each_repeat_is_a_set_of_its_own_whatever_is_done_with_it_after(tmp_path: Path) -> None:
    plain = steps_of(tmp_path).tasks["news"]
    news = steps_of(tmp_path, generation=PLAIN["generation"] | {"repeats": 2}).tasks["news"]
    names = [Path(path).stem for path in news.written]
    assert names == [
        *("zero_shot", "zero_shot_repeat_2", "one_shot", "one_shot_repeat_2"),
        *("zero_shot_rephrased", "zero_shot_repeat_2_rephrased"),
    ]
    assert news.generation("zero_shot") == plain.generation("zero_shot")
    assert (news.generation("zero_shot_repeat_2")["repeat"], news.generation("zero_shot_repeat_2")["method"]) == (2, "zero_shot")
    assert news.rephrasing("zero_shot_repeat_2_rephrased") == plain.rephrasing("zero_shot_rephrased")
    assert news.reworded_from("zero_shot_repeat_2_rephrased") == news.written[1]
    assert list(news.relabeled.values()) == [("one_shot", "again"), ("one_shot_repeat_2", "again")]
    assert set(news.learned) > set(plain.learned)


def test_a_task_waits_for_its_card_its_files_and_its_recordings(tmp_path: Path) -> None:
    news = steps_of(tmp_path).tasks["news"]
    assert news.data("train") == ["data/tasks/news.yaml", "data/reference/news/train.jsonl"]
    assert news.data_to_write_by() == news.data("train")
    assert news.recordings("01_zero_shot") == ["data/recordings/news/01_zero_shot.jsonl"]
    assert news.recordings("01_nothing") == []
    strategy = steps_of(tmp_path, tasks=["strategy"], training={"also_test": ["claims"]}).tasks["strategy"]
    assert strategy.test_data() == ["data/tasks/claims.yaml", "data/reference/claims/test.jsonl"]


def test_prompts_can_show_examples_of_another_source(tmp_path: Path) -> None:
    asked = {"methods": ["one_shot"], "raw_source": "reference"}
    emotion = steps_of(tmp_path, tasks=["emotion"], generation=asked, per_task={"emotion": {"source": "twitter_emotion"}}).tasks[
        "emotion"
    ]
    assert emotion.data_to_write_by() == ["data/tasks/emotion.yaml", "data/reference/emotion/train.jsonl"]
    assert emotion.data("train") == ["data/tasks/emotion.yaml"]
    given = emotion.generation("one_shot")
    assert (given["source"], given["raw_source"]) == ("twitter_emotion", "reference")


def test_shards_are_files_of_their_own(tmp_path: Path) -> None:
    news = steps_of(tmp_path, training={"shards": 2}).tasks["news"]
    assert [Path(path).name for path in news.scores] == ["1of2.parquet", "2of2.parquet"]


# ---- parameters ----


def test_labels_are_asked_for_by_method_split_and_number(tmp_path: Path) -> None:
    news = steps_of(tmp_path).tasks["news"]
    expected = {"zero_shot": ("zero_shot", "train", 60), "few_shot_test": ("few_shot", "test", 20)}
    for labels, values in expected.items():
        parameters = news.labeling(labels)
        assert tuple(parameters[name] for name in ("method", "split", "n")) == values


def test_labels_of_human_examples_are_asked_for_only_if_the_study_says_how_many(tmp_path: Path) -> None:
    for labeling in ({}, {"test_methods": ["few_shot"], "n_test": 20}):
        assert steps_of(tmp_path, labeling=labeling).tasks["news"].human_labels == []
    with pytest.raises(ValueError, match=r"labeling.*few_shot.*n: 60"):
        steps_of(tmp_path, labeling={"methods": ["few_shot"]})


def test_budgets_that_buy_more_than_there_is_are_said_before_a_run(tmp_path: Path) -> None:
    budgets = {"human_price": 2.0, "budgets": [400, 800, 1600], "shares": [0.2, 0.5]}
    lines = steps_of(tmp_path, labeling={}, sizes={}, budgets=budgets).check(dry=False)
    assert lines[1] == (
        "news: 1 of 3 budgets (from $1,600 on) would buy up to 640 human examples, but there are 320: their mixes are cut to "
        "these, hollow points in 05."
    )
    assert len(steps_of(tmp_path, labeling={}, sizes={}, budgets=budgets | {"budgets": [800]}).check(dry=False)) == 1


@pytest.mark.parametrize("dry", [True, False])
def test_how_many_human_examples_there_are_is_said_before_a_run(tmp_path: Path, dry: bool) -> None:
    quiet = {"labeling": {}, "sizes": {"human": [0, 40, 500], "synthetic": [0, 5]}}
    lines = steps_of(tmp_path, **quiet).check(dry=dry)
    assert lines[0] == "news: 320 human examples to learn from. Sizes beyond that are in no mix: 500."
    assert "labels" not in lines[1] if dry else len(lines) == 1
    asked = quiet | {"labeling": {"n": 300}, "training": {"human_dev": 10}}
    assert steps_of(tmp_path, **asked).check(dry=dry)[:2] == [
        "news: 310 human examples to learn from beside the 10 that choose the best epoch. Sizes beyond that are in no mix: 500.",
        "news: the teacher labels the first 300 of them. Mixes with its labels draw human examples from the other 10. "
        "Sizes beyond that are in no such mix: 40, 500.",
    ]


def test_sizes_that_no_set_can_fill_are_said_before_a_run(tmp_path: Path) -> None:
    asked = {
        "labeling": {},
        "generation": {"methods": ["zero_shot"], "n": 20},
        "sizes": {"human": [0, 40], "synthetic": [0, 5, 30, 50]},
    }
    said = "news: sets of 01 and 02 have at most 20 examples. Sizes beyond that are in no mix: 30, 50."
    assert steps_of(tmp_path, **asked).check(dry=False)[-1] == said
    labeled = asked | {"labeling": {"n": 60}}
    assert not any("sets of 01" in line for line in steps_of(tmp_path, **labeled).check(dry=False))
    enough = asked | {"sizes": {"human": [0, 40], "synthetic": [0, 20]}}
    assert said not in steps_of(tmp_path, **enough).check(dry=False)


def test_a_task_by_path_is_given_by_path(tmp_path: Path) -> None:
    card = tmp_path / "own.yaml"
    card.write_text((paths.TASKS / "news.yaml").read_text(encoding="utf-8").replace("name: news", "name: mine"))
    task = steps_of(tmp_path, tasks=[str(card)]).tasks["mine"]
    assert task.generation("zero_shot")["task"] == str(card)
    assert task.data()[0] == str(card)


def test_shares_are_one_list_where_all_tasks_have_the_same(tmp_path: Path) -> None:
    assert steps_of(tmp_path, tasks=["news", "sentiment"]).budget()["shares"] == [0, 1]
    own = {"sentiment": {"budgets": {"budgets": [2], "shares": [0.5]}}}
    parameters = steps_of(tmp_path, tasks=["news", "sentiment"], per_task=own).budget()
    assert parameters["shares"] == {"news": [0, 1], "sentiment": [0.5]}
    assert parameters["budgets"] == [0.9, 2]


def test_claims_are_tested_on_the_tables_of_03_where_a_study_says_so(tmp_path: Path) -> None:
    plain, tested = steps_of(tmp_path), steps_of(tmp_path, findings=True)
    assert (plain.budget()["diversity"], plain.tested_figures) == ([], [])
    assert tested.budget()["diversity"] == ["runs/mine/figures/diversity_news.csv"]
    assert tested.tested_figures == ["runs/mine/figures/03_diversity_news.json"]


def test_scores_that_are_there_need_no_task() -> None:
    measured = Studies(["measured"]).steps["measured"]
    assert measured.scores == measured.budget()["scores"] == ["data/scores/tweet_sentiment.csv.gz"]
    assert measured.targets == ["runs/measured/figures/05_budget.json", "runs/measured/figures/report.html"]
    assert measured.budget()["human_sizes"] == [0, 100, 1000]


def test_small_numbers_come_back_from_yaml_as_numbers() -> None:
    parameters = {"rate": 1e-05, "task": "新闻", "none": None, "text": "true"}
    assert "\n" not in as_yaml("03_diversity", parameters)
    assert yaml.safe_load(as_yaml("03_diversity", parameters)) == parameters


# ---- a run of several studies ----


def test_the_workflow_is_read_where_no_cores_are_said_as_on_a_cluster() -> None:
    """Snakemake knows no number of cores where jobs go to another machine; `workflow.cores` would fail there."""
    assert Studies(["demo_live"]).threads_to_ask(None) == 1
    assert "workflow.cores" not in (paths.ROOT / "Snakefile").read_text(encoding="utf-8")


@pytest.mark.parametrize(("names", "teacher", "threads"), [
    (["demo_live"], "local:gemma-3-270m", 4), (["demo_live"], None, 1), (["demo_live", "measured"], "local:gemma-3-270m", 1),
])  # fmt: skip
def test_a_teacher_on_this_machine_takes_all_cores_where_nothing_else_runs(
    names: list[str], teacher: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.study.workflow.local_is_installed", lambda: False)  # The study's own is replayed.
    studies = Studies(names, teacher=teacher)
    assert studies.threads_to_ask(4) == threads
    assert studies.steps["demo_live"].tasks["news"].asks_here == int(teacher is not None)


def test_wildcards_choose_a_study_and_a_task() -> None:
    studies = Studies(["demo", "demo_frames"])
    chosen = SimpleNamespace(study="demo_frames", task="frames")
    assert studies.of(chosen).name == "demo_frames"
    assert studies.task(chosen).card.name == "frames"
    assert set(studies.relabeled) == {"dialogues_three_steps"}


def test_a_list_of_figures_is_dropped_when_a_figure_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = steps_of(tmp_path)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    for path in steps.lists:
        figure = tmp_path / path.replace(".json", ".png")
        figure.parent.mkdir(parents=True, exist_ok=True)
        figure.touch()
        manifest.save_list(path, [str(figure)])
    assert steps.incomplete() == []
    (tmp_path / steps.lists[0].replace(".json", ".png")).unlink()
    assert steps.incomplete() == steps.lists[:1]


@pytest.mark.parametrize(
    ("config", "changes", "said"),
    [
        ({"teacher": "no-such-model"}, {}, "No price is known for model 'no-such-model'. State it in the study"),
        ({"study": "demo,nowhere"}, {}, "Unknown study 'nowhere': studies/ has classification, "),
        ({}, {"tasks": ["nwes"]}, ": tasks: unknown task 'nwes'; there is "),
        ({}, {"training": {"also_test": ["claimz"]}}, "There is no evaluation set 'claimz'"),
        ({}, {"training": {"also_test": ["claims"]}}, "Evaluation set 'claims' "),  # Before 01 is paid for what 04 cannot use.
        (
            {},
            {"sets": {"own": {"file": "$NOWHERE/own.jsonl", "teacher": "m", "price": 0.1}}},
            "The environment variable NOWHERE is not set",
        ),
    ],
)
def test_a_mistake_is_one_sentence_for_snakemake(
    config: dict[str, str], changes: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(PLAIN | changes), encoding="utf-8")
    with pytest.raises(WorkflowError) as caught:
        open_studies({"study": str(file)} | config, ["--dry-run"])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- notebooks ----


@pytest.mark.parametrize("study", ["demo", "demo_creators", "demo_frames", "demo_live", "measured"])
def test_a_step_is_given_only_what_its_notebook_takes(study: str) -> None:
    steps = Studies([study]).steps[study]
    given = [("05_budget", steps.budget())]
    for task in steps.tasks.values():
        given += [("01_generation", task.generation(key)) for key in task.study.written_sets]
        given += [("01_generation", task.rephrasing(key)) for key in task.study.reworded]
        given += [("03_diversity", task.diversity()), ("04_training", task.training())]
        given += [("02_labeling", task.labeling(labels)) for labels in task.labeled]
        given += [("02_labeling", task.relabeling(labels)) for labels in task.relabeled]
    for notebook, parameters in given:
        assert set(parameters) <= names_taken(notebook), notebook


def test_a_new_recording_of_any_study_runs_a_part_again(tmp_path: Path) -> None:
    asked = {"tasks": ["emotion"], "source": "reference", "labeling": {"n": 0}}
    emotion = steps_of(tmp_path, **asked).tasks["emotion"]
    folder = "data/recordings/emotion"
    assert emotion.recordings("01_zero_shot") == [f"{folder}/01_written_zero_shot.jsonl"]
    assert emotion.recordings("02_zero_shot_test") == [f"{folder}/02_written_zero_shot_test.jsonl"]
    assert emotion.recordings("01_tree") == [f"{folder}/01_strategies_tree.jsonl", f"{folder}/01_tree.jsonl"]
