"""A setting has one default: in the notebooks, in a study and where functions take it."""

import ast
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from declared import SETTINGS, code_cells, defaults, parameters
from pydantic import BaseModel

from lib.budget import make_plan, read_scores
from lib.budget.settings import PlanSettings
from lib.core.encoders import Embedder
from lib.core.settings import Budgets, Sizes
from lib.generation import METHODS
from lib.generation.settings import Generation, GenerationSettings
from lib.labeling import LABELING_METHODS, dollars_before, read_pool
from lib.labeling.settings import Labeling, LabelingSettings
from lib.study.schema import Study, read_study
from lib.teacher.backends import open_teacher
from lib.teacher.settings import Access
from lib.training.settings import Mixes, Students, Training


def differing(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The names that both have with two defaults."""
    return {name: (first[name], second[name]) for name in first.keys() & second.keys() if first[name] != second[name]}


@pytest.mark.parametrize("notebook", SETTINGS)
def test_a_first_cell_has_at_most_15_parameters(notebook: str) -> None:
    assert 1 <= len(parameters(notebook)) <= 15


@pytest.mark.parametrize(("notebook", "methods"), [("01_generation", METHODS), ("02_labeling", LABELING_METHODS)])
def test_the_comment_beside_the_method_names_all_that_there_are(notebook: str, methods: dict[str, Any]) -> None:
    [line] = [line for line in code_cells(notebook)[0].splitlines() if line.startswith("method: str = ")]
    assert set(methods) <= set(re.findall(r"\w+", line.split("#")[1]))


@pytest.mark.parametrize("notebook", SETTINGS)
def test_a_notebook_takes_the_models_of_its_settings(notebook: str) -> None:
    """Each as a dict that is empty by default, and whose settings are shown in a table."""
    [cell] = [cell for cell in code_cells(notebook) if "config.check(" in cell]
    [call] = [line for line in cell.splitlines() if "config.check(" in line]
    keywords = [node for node in ast.walk(ast.parse(call)) if isinstance(node, ast.keyword)]
    assert {node.arg: ast.unparse(node.value) for node in keywords} == {
        name: model.__name__ for name, model in SETTINGS[notebook].items()
    }
    assert all(parameters(notebook)[name] == {} for name in SETTINGS[notebook])
    assert not SETTINGS[notebook] or "settings_table(" in cell or "show_settings(" in cell


@pytest.mark.parametrize("notebook", SETTINGS)
def test_no_setting_of_a_notebook_has_two_places(notebook: str) -> None:
    """So that a name given by itself belongs to one of them."""
    names = [name for model in SETTINGS[notebook].values() for name in model.model_fields]
    assert len(set(names)) == len(names)
    assert not set(names) & set(SETTINGS[notebook])


@pytest.mark.parametrize("notebook", SETTINGS)
def test_a_parameter_that_is_a_setting_has_its_default(notebook: str) -> None:
    for model in SETTINGS[notebook].values():
        assert differing(parameters(notebook), defaults(model)) == {}


def test_a_seed_is_the_same_everywhere() -> None:
    seeds = {parameters(notebook)["seed"] for notebook in SETTINGS if "seed" in parameters(notebook)}
    assert seeds == {Study.model_fields["seed"].default} == {PlanSettings().seed} == {GenerationSettings().seed}


@pytest.mark.parametrize(
    ("section", "model"),
    [
        (Generation, GenerationSettings),
        (Labeling, LabelingSettings),
        (Training, Students),
        (Training, Mixes),
        (Sizes, Mixes),
        (Budgets, Mixes),
        (Budgets, PlanSettings),
        (Study, Access),
    ],
)
def test_a_study_has_the_defaults_of_the_notebooks(section: type[BaseModel], model: type[BaseModel]) -> None:
    assert defaults(section).keys() & defaults(model).keys()
    assert differing(defaults(section), defaults(model)) == {}


def test_the_demo_generates_and_trains_as_a_study_of_one_s_own_does() -> None:
    """What it says beside is how much: sizes, seeds, sets; and per_reply, which is the default of its methods."""
    demo = read_study("demo")
    for section, amounts in {"generation": {"methods", "n", "per_reply"}, "training": {"seeds"}}.items():
        chosen = getattr(demo, section)
        own = type(chosen)()
        differing_names = {name for name in type(own).model_fields if getattr(chosen, name) != getattr(own, name)}
        assert differing_names - amounts == set(), section
    assert demo.raw == Study.model_fields["raw"].default


def test_what_a_study_calls_otherwise_has_the_same_default() -> None:
    study, labeling = defaults(Study), defaults(LabelingSettings)
    assert study["raw"] == labeling["raw"] == GenerationSettings().raw
    assert study["embedder"] == parameters("03_diversity")["encoder"] == GenerationSettings().encoder
    assert Budgets().collection_price == labeling["collection"]


@pytest.mark.parametrize(
    ("function", "model"),
    [
        (open_teacher, Access),
        (read_pool, LabelingSettings),
        (dollars_before, LabelingSettings),
        (Embedder, GenerationSettings),
        (make_plan, PlanSettings),
        (read_scores, PlanSettings),
    ],
)
def test_a_function_has_the_defaults_of_the_settings(function: Callable[..., Any], model: type[BaseModel]) -> None:
    """Where it has any; no token prices are none, and a folder may be a Path."""
    signature = inspect.signature(function).parameters.items()
    own = {name: value.default for name, value in signature if value.default not in (inspect.Parameter.empty, ())}
    both = own.keys() & defaults(model).keys()
    assert both
    for name in both - {"recordings"}:
        assert (own[name] or None) == (defaults(model)[name] or None), name
