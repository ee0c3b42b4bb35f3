"""A study that varies settings: which sets are written, at which levels, by whom, at what cost; and what is refused."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from refusing import refused

from lib.core import set_names
from lib.core.artifacts import Step, load_set, save_set
from lib.core.set_names import SetName
from lib.core.tasks import load, read_card
from lib.generation import plan_for
from lib.generation.settings import GenerationSettings
from lib.labeling import set_name
from lib.study import dry_run, schema
from lib.study.workflow import Studies, StudySteps, as_yaml
from lib.training.settings import Recipe

GENERATION = {"methods": ["zero_shot", "one_shot"], "n": 8}
PLAIN: dict[str, Any] = {"question": "Which?", "tasks": ["news"], "sizes": {"human": [0, 5], "synthetic": [0, 5]}}
PLAIN |= {"raw": 16, "generation": GENERATION}
TWO = {"token_prices": {"big": {"input": 3, "output": 6}, "small": {"input": 1, "output": 2}}, "budget": 5}


def steps_of(folder: Path, **changes: Any) -> StudySteps:
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(PLAIN | changes, sort_keys=False), encoding="utf-8")
    return Studies([str(file)]).steps["mine"]


def study_of(folder: Path, **changes: Any) -> schema.Study:
    return steps_of(folder, **changes).tasks["news"].study


# ---- which sets there are ----


def test_one_at_a_time_the_set_at_the_studys_own_values_is_a_level_of_every_setting(tmp_path: Path) -> None:
    study = study_of(tmp_path, vary={"temperature": [0.3, 1], "raw": [16, 24], "per_reply": [1, 5]})
    assert list(study.written_sets) == [
        *("zero_shot", "one_shot", "zero_shot_temperature_0_3", "zero_shot_per_reply_5"),
        *("one_shot_temperature_0_3", "one_shot_raw_24", "one_shot_per_reply_5"),
    ]  # No prompt of zero_shot shows human examples.
    assert study.written_sets["one_shot_raw_24"].levels == (("raw", "24"),)


def test_crossed_there_is_a_set_of_each_combination_and_those_of_one_at_a_time_keep_their_names(tmp_path: Path) -> None:
    vary = {"temperature": [0.3, 1, 1.3], "per_reply": [1, 5], "top_p": [0.9, 1]}
    alone = study_of(tmp_path, vary=vary, generation={"methods": ["zero_shot"]})
    crossed = study_of(tmp_path, vary=vary, generation={"methods": ["zero_shot"]}, crossed=True)
    assert (len(alone.written_sets), len(crossed.written_sets)) == (5, 12)
    assert set(alone.written_sets) < set(crossed.written_sets)
    assert crossed.written_sets["zero_shot_temperature_0_3_per_reply_5_top_p_0_9"].levels == (
        *(("temperature", "0.3"), ("per_reply", "5"), ("top_p", "0.9")),
    )


def test_every_level_is_repeated_reworded_and_labeled_again(tmp_path: Path) -> None:
    study = study_of(
        tmp_path,
        vary={"temperature": [0.3, 1]},
        generation=GENERATION | {"repeats": 2, "rephrase": ["one_shot"]},
        labeling={"written": ["zero_shot"]},
    )
    assert set(study.reworded) == {
        *("one_shot_rephrased", "one_shot_repeat_2_rephrased"),
        *("one_shot_rephrased_temperature_0_3", "one_shot_repeat_2_rephrased_temperature_0_3"),
    }
    assert study.relabeled["zero_shot_repeat_2_checked_temperature_0_3"] == ("zero_shot_repeat_2_temperature_0_3", "again")
    assert len(study.relabeled) == 4


def test_labels_of_human_examples_have_levels_of_their_own_section(tmp_path: Path) -> None:
    steps = steps_of(
        tmp_path, generation={"methods": []}, labeling={"methods": ["few_shot"], "n": 5}, vary={"labeling.shots": [1, 2]}
    )
    news = steps.tasks["news"]
    assert [Path(path).stem for path in news.human_labels] == ["few_shot", "few_shot_labeling_shots_2"]
    given = news.labeling("few_shot_labeling_shots_2")
    assert (given["method"], given["shots"], given["levels"]) == ("few_shot", 2, {"labeling.shots": "2"})
    assert set_name("few_shot", levels=given["levels"]).key == "labeled_few_shot_labeling_shots_2"
    assert set_name("few_shot", levels=given["levels"]).level_words == ["labeling shots 2"]
    assert "levels" not in news.labeling("few_shot")


def test_shots_of_dialogues_and_of_their_labels_are_varied(tmp_path: Path) -> None:
    """The ablation of 2410.06550's next check: human dialogues that 01 shows, its own, and labeled ones that 02 shows."""
    frames = {"tasks": ["frames"], "raw": 3, "generation": {"methods": ["dialogues"], "n": 4}}
    frames |= {"labeling": {"methods": ["three_steps"], "n": 6, "shots": 2, "written": ["dialogues"]}}
    frames |= {"vary": {"human_shots": [1, 2], "own_shots": [0, 1], "labeling.shots": [0, 2]}}
    task = steps_of(tmp_path, **frames).tasks["frames"]
    assert list(task.study.written_sets) == ["dialogues", "dialogues_human_shots_1", "dialogues_own_shots_0"]
    assert {labels: (given["shots"], given["method"]) for labels in task.relabeled for given in [task.relabeling(labels)]} == {
        "dialogues_three_steps": (2, "three_steps"),
        "dialogues_three_steps_labeling_shots_0": (0, "three_steps"),
        "dialogues_three_steps_human_shots_1": (2, "three_steps"),
        "dialogues_three_steps_own_shots_0": (2, "three_steps"),
    }
    assert task.generation("dialogues_own_shots_0")["own_shots"] == 0
    assert [Path(path).stem for path in task.human_labels] == ["three_steps", "three_steps_labeling_shots_0"]
    assert task.labels == task.human_labels  # 05 puts them side by side.


def test_a_set_of_01_gets_the_levels_of_02_beside_its_own() -> None:
    written = SetName("tree", levels=(("temperature", "0.3"),))
    assert set_name("again", written, {"temperature": "0.3", "labeling.max_tokens": "9"}).levels == (
        *(("temperature", "0.3"), ("labeling.max_tokens", "9")),
    )


# ---- what each is written with ----


def test_the_default_of_a_setting_is_a_level_by_that_word(tmp_path: Path) -> None:
    news = steps_of(tmp_path, vary={"mask_labels": ["default", "codes"], "prompt": ["default", "terse"]}).tasks["news"]
    assert [news.generation("zero_shot")[name] for name in ("mask_labels", "prompt")] == ["none", "default"]
    masked = news.generation("zero_shot_mask_labels_codes")
    assert [masked[name] for name in ("mask_labels", "prompt")] == ["codes", "default"]


def test_each_set_is_written_with_its_levels_and_the_studys_own_values_beside(tmp_path: Path) -> None:
    news = steps_of(tmp_path, vary={"temperature": [0.3, 0.7], "per_reply": [1, 5]}).tasks["news"]
    plain, hot = news.generation("zero_shot"), news.generation("zero_shot_temperature_0_7")
    assert (plain["temperature"], plain["per_reply"]) == (0.3, 1)  # The first level: no default is among them.
    assert (hot["temperature"], hot["per_reply"], hot["levels"]) == (0.7, 1, {"temperature": "0.7"})
    assert "levels" not in plain
    assert "levels: {temperature: '0.7'}" in as_yaml("01_generation", hot)


def test_the_name_that_01_makes_of_its_settings_is_the_one_that_the_study_knows(tmp_path: Path) -> None:
    study = study_of(tmp_path, vary={"temperature": [0.3, 1], "raw": [16, 24]}, generation=GENERATION | {"repeats": 2})
    raw = load(read_card("news"), "train").to_list()[:60]
    for key, name in study.written_sets.items():
        given = schema.parameters_of(study, name)
        plan = plan_for(read_card("news"), raw, method=given.pop("method"), settings=GenerationSettings(**given))
        assert (plan.key, plan.name) == (key, name)
        assert len(schema.plans_of(read_card("news"), study, raw)[key].raw) in (0, given.get("raw", 0))


def test_a_saved_set_knows_its_levels(tmp_path: Path) -> None:
    name = SetName("zero_shot", levels=(("temperature", "0.3"), ("per_reply", "5")), repeat=2)
    bill = {"dollars": 1.0, "replies": 1}
    save_set(tmp_path / "a.parquet", [{"text": "a"}], step=Step("01", {}), name=name, teacher="m", bill=bill)
    assert load_set(tmp_path / "a.parquet").name == name
    assert set_names.from_columns(set_names.as_columns(name)) == name


def test_each_teacher_is_asked_for_its_own_sets(tmp_path: Path) -> None:
    news = steps_of(tmp_path, teacher="big", vary={"teacher": ["big", "small"]}, **TWO).tasks["news"]
    assert [news.generation(key)["teacher"] for key in ("zero_shot", "zero_shot_small")] == ["big", "small"]
    refused(
        lambda: Studies([str(tmp_path / "mine.yaml")], teacher="recorded"), "varies its teacher (big, small)", "leave TEACHER out"
    )


def test_each_teacher_labels_the_test_set(tmp_path: Path) -> None:
    """So that its own score stands beside that of its students."""
    asked = TWO | {"labeling": {"n": 0, "test_methods": ["few_shot"], "n_test": 9}}
    news = steps_of(tmp_path, teacher="big", vary={"teacher": ["big", "small"], "temperature": [1, 0.3]}, **asked).tasks["news"]
    assert {name: news.labeling(name)["teacher"] for name in ("few_shot_test", "few_shot_small_test")} == {
        "few_shot_test": "big",
        "few_shot_small_test": "small",
    }
    assert [Path(file).stem for file in news.test_labels] == ["few_shot_test", "few_shot_small_test"]
    assert [(news.labeling(Path(file).stem)["split"], news.labeling(Path(file).stem)["n"]) for file in news.test_labels] == [
        ("test", 9)
    ] * 2


def test_the_machine_is_that_of_the_local_teacher_alone(tmp_path: Path) -> None:
    """Or the tokens of the other one would cost nothing."""
    study = study_of(tmp_path, teacher="local:mine", vary={"teacher": ["local:mine", "small"]}, machine_price=0.5, **TWO)
    assert (study.machine_price_of("local:mine"), study.machine_price_of("small")) == (0.5, None)
    assert dry_run._price_of(study, "small").output > 0


# ---- students ----


STUDENTS = {"frozen_layers": ["default", 4], "training.max_tokens": [64, 128]}


def test_students_at_each_level_have_scores_of_their_own(tmp_path: Path) -> None:
    steps = steps_of(tmp_path, vary=STUDENTS, training={"shards": 2})
    folder, names = "runs/mine/news/04_training", ("", "frozen_layers_4_", "training_max_tokens_128_")
    assert steps.scores == [f"{folder}/{name}{shard}of2.parquet" for name in names for shard in (1, 2)]
    assert set(steps.targets) > set(steps.scores)
    assert steps.budget()["varied"] == {"frozen_layers": "default", "training.max_tokens": "64"}
    news = steps.tasks["news"]
    ways = {called: news.training(called) for called in news.study.recipes}
    assert {called: (given["frozen_layers"], given["max_tokens"]) for called, given in ways.items()} == {
        "": (None, 64),
        "frozen_layers_4": (4, 64),
        "training_max_tokens_128": (None, 128),
    }
    assert "levels" not in ways[""]
    assert ways["frozen_layers_4"]["levels"] == {"frozen_layers": "4"}
    assert "levels: {frozen_layers: '4'}" in as_yaml("04_training", ways["frozen_layers_4"])


def test_without_levels_of_04_the_students_of_a_study_are_given_what_they_were(tmp_path: Path) -> None:
    """Or they would all be trained again."""
    plain, varied = (steps_of(tmp_path, **more).tasks["news"] for more in ({}, {"vary": {"frozen_layers": ["default", 4]}}))
    assert plain.training() == varied.training()
    assert plain.scores == varied.scores[:1] == ["runs/mine/news/04_training/1of1.parquet"]


def test_one_at_a_time_students_at_other_levels_learn_from_the_sets_at_the_studys_own_values(tmp_path: Path) -> None:
    both = {"vary": {"temperature": [0.3, 1], "frozen_layers": ["default", 4]}}
    both |= {"training": {"controlled": ["one_shot", "one_shot_temperature_0_3"]}}
    alone, crossed = (steps_of(tmp_path, **both, crossed=value).tasks["news"] for value in (False, True))
    assert list(alone.study.recipes) == list(crossed.study.recipes) == ["", "frozen_layers_4"]
    for news in (alone, crossed):
        assert [Path(path).stem for path in news.learned_by("")] == [
            *("zero_shot", "one_shot", "zero_shot_temperature_0_3", "one_shot_temperature_0_3"),
        ]
        assert news.training()["controlled"] == ["one_shot", "one_shot_temperature_0_3"]
    assert [Path(path).stem for path in alone.learned_by("frozen_layers_4")] == ["zero_shot", "one_shot"]
    assert alone.training("frozen_layers_4")["controlled"] == ["one_shot"]
    assert crossed.learned_by("frozen_layers_4") == crossed.learned
    assert crossed.training("frozen_layers_4")["controlled"] == ["one_shot", "one_shot_temperature_0_3"]


def test_crossed_students_are_trained_at_each_combination(tmp_path: Path) -> None:
    vary = {"frozen_layers": [3, 4], "epochs": [1, 2], "balanced": [True, False]}
    ways = study_of(tmp_path, vary=vary, crossed=True).recipes
    assert (len(ways), len(study_of(tmp_path, vary=vary).recipes)) == (8, 4)
    assert ways["frozen_layers_4_epochs_2_balanced_false"] == (("frozen_layers", "4"), ("epochs", "2"), ("balanced", "False"))
    impossible = {"vary": {"frozen_layers": [3, "default"], "lora_rank": [0, 8]}, "training": {"frozen_layers": 3}}
    refused(lambda: steps_of(tmp_path, **impossible, crossed=True), "frozen_layers_default_lora_rank_8", "give frozen_layers")
    assert len(study_of(tmp_path, **impossible).recipes) == 3


def test_a_dry_run_says_in_how_many_ways_students_are_trained(tmp_path: Path) -> None:
    steps = steps_of(tmp_path, vary=STUDENTS)
    assert steps.check(dry=True)[1] == (
        "news: students of every mix are trained in 3 ways (seeds of each: 3): as the study says, frozen_layers 4, "
        "training.max_tokens 128."
    )


def test_a_study_that_says_what_to_train_for_its_tasks_alone_can_vary(tmp_path: Path) -> None:
    alone = {"sizes": {}, "per_task": {"news": {"sizes": PLAIN["sizes"]}}}
    assert len(steps_of(tmp_path, vary={"temperature": [0.3, 1], "frozen_layers": ["default", 4]}, **alone).scores) == 2


def test_students_of_people_alone_can_be_varied(tmp_path: Path) -> None:
    steps = steps_of(tmp_path, generation={"methods": []}, labeling={"n": 0}, vary={"frozen_layers": ["default", 4]})
    assert len(steps.scores) == 2
    assert steps.tasks["news"].training("frozen_layers_4")["examples"] == []


# ---- what it costs ----


def highest(study: schema.Study, teacher: str) -> dict[str, int]:
    return dry_run._highest_costs(study, teacher)


def test_the_dry_run_counts_every_level(tmp_path: Path) -> None:
    """At its own settings: five examples in a reply need fewer requests than one, and more room in each."""
    one = {"generation": {"methods": ["zero_shot"], "n": 8}, "teacher": "small"} | TWO
    study = study_of(tmp_path, vary={"per_reply": [1, 5], "max_tokens": [100, 200]}, **one)
    costs = highest(study, "small")
    assert list(costs) == [f"01 news zero_shot{more}" for more in ("", "_per_reply_5", "_max_tokens_200")]
    for key, settings in {"": (1, 100), "_per_reply_5": (5, 100), "_max_tokens_200": (1, 200)}.items():
        alone = {"methods": ["zero_shot"], "n": 8} | dict(zip(("per_reply", "max_tokens"), settings, strict=True))
        assert costs[f"01 news zero_shot{key}"] == sum(
            highest(study_of(tmp_path, **one | {"generation": alone}), "small").values()
        )


def test_the_dry_run_counts_each_teacher_at_its_price(tmp_path: Path) -> None:
    both = study_of(tmp_path, teacher="big", vary={"teacher": ["big", "small"]}, **TWO)
    costs = highest(both, "big")
    assert costs["01 news zero_shot"] == 3 * costs["01 news zero_shot_small"] > 0
    lines = dry_run.cost_lines(both, "big", None)
    assert "zero_shot_small" in "\n".join(lines)
    refused(lambda: dry_run.check_budget(both, "big", None), "BUDGET=5")


# ---- what is refused ----


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"temprature": [0, 1]}, "'temprature' cannot be varied; there is attributes, balanced, batch_size, conditioned"),
        ({"n": [5, 8]}, "'n' cannot be varied"),
        ({"labeling.topics": [5, 8]}, "'labeling.topics' cannot be varied"),
        (
            {"seeds": [3, 5]},
            "'seeds' says where students train, on what or how often, .*of 04 there is balanced, .*encoder, epochs",
        ),
        ({"training.device": ["cpu", "cuda"]}, "'training.device' says where students train"),
        ({"shards": [1, 2]}, "'shards' says"),
        ({"human_dev": [0, 8]}, "'human_dev' says"),
        ({"slots": [1, 2]}, "'slots' says"),
        ({"steps": [5, 0]}, "steps 0: training.steps: .*greater than or equal to 1"),
        ({"lora_rank": [0, 8]}, "lora_rank 8: training: lora_rank trains adapters of layers that are not frozen"),
        ({"steps": [5, 8]}, "'steps' makes no difference to students of 'news'.*whose encoder is frozen .give frozen_layers"),
        ({"frozen_layers": [0, 4], "head_rate": [0.1, 0.2]}, "'head_rate' makes no difference to students of .news. .text"),
        ({"frozen_layers": [4, 5], "steps": [5, 8], "epochs": [1, 2]}, "'steps' makes no difference"),
        ({"encoder": ["all-MiniLM-L6-v2", "a/b", "a-b"]}, "students at two levels would be called the same"),
        (
            {"encoder": ["all-MiniLM-L6-v2", "ku-nlp/deberta-v2-base-japanese"]},
            "for Japanese, and the texts of task .news. are in English",
        ),
        ({"temperature": [1]}, "temperature has the single level '1'"),
        ({"temperature": [1, 0.3, "0.30"]}, "temperature has the level 0.3 twice"),
        ({"temperature": [1, -1]}, "temperature -1: generation.temperature: .*greater than or equal to 0"),
        ({"temperature": [1, "hot"]}, "temperature hot: generation.temperature: .*number"),
        ({"per_reply": [1, 0]}, "per_reply 0: generation.per_reply: .*greater than or equal to 1"),
        ({"temperature": [0, 1]}, "temperature 0: generation: repeats: 2 needs a temperature above 0"),
        ({"raw": [20, 24]}, "the study's own raw, 16, is none of its levels: 20, 24"),
        ({"topics": [5, 8]}, "nothing in the study uses 'topics'; used by zero_shot_topic"),
        ({"labeling.shots": [1, 2]}, "nothing in the study uses 'labeling.shots'; used by few_shot, three_steps, one_step"),
    ],
)
def test_a_mistake_in_vary_is_one_sentence(tmp_path: Path, vary: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        steps_of(tmp_path, vary=vary, generation=GENERATION | {"repeats": 2})
    assert "\n" not in str(error.value)


def test_crossed_needs_something_to_cross(tmp_path: Path) -> None:
    refused(lambda: steps_of(tmp_path, crossed=True), "nothing to cross")


def test_levels_that_would_be_called_the_same(tmp_path: Path) -> None:
    refused(
        lambda: steps_of(tmp_path, teacher="big", vary={"teacher": ["big", "a/b", "a-b"]}, **TWO),
        "two sets would be called zero_shot_a_b",
    )


def test_a_task_has_no_own_value_of_a_setting_that_is_varied(tmp_path: Path) -> None:
    own = {"news": {"generation": {"temperature": 0.3}}}
    refused(lambda: steps_of(tmp_path, vary={"temperature": [0.3, 1]}, per_task=own), "per_task.news: temperature is varied")


def test_every_setting_of_01_and_of_04_that_makes_a_difference_can_be_varied() -> None:
    """A new setting is one of them by itself."""
    from lib.generation.settings import Generation
    from lib.study.levels import setting_place

    for setting in set(Recipe.model_fields) - {"device", "slots"}:
        assert setting_place(f"training.{setting}").section == "training"
    for setting in set(Generation.model_fields) & set(GenerationSettings.model_fields) - {
        "n",
        "dollars",
        "seed_example",
        "raw_source",
        "refiner_url",
    }:
        assert re.fullmatch("[a-z_]+", setting_place(setting).notebook_name)
