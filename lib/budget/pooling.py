"""Whether the rows of several tables of scores are of one experiment: if not, they are refused, as a mean would hide it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pandas import DataFrame

from lib.core import set_names
from lib.core.mixes import NONE, RECIPE, STUDENT_LEVELS
from lib.core.stats import REPEAT

FILE = "file that a row is from"
"""The column that says it while tables are read."""


def check_pooling(scores: DataFrame, *, given: Sequence[str]) -> None:
    """Refuses rows of one task and method that are of two example sets, and rows of one task whose students were trained in two
    ways. `given` are the prices that replace those of the rows."""
    _refuse_two_offers(scores, given=given)
    _refuse_two_settings(scores)
    _refuse_two_recipes(scores)


def _refuse_two_offers(scores: DataFrame, *, given: Sequence[str]) -> None:
    """Refuses rows of one task and method that say two prices or numbers of shown examples: they are of two example sets."""
    facts = ["human_price", "synthetic_price", "human_shown", "human_dev"]
    facts = [name for name in facts if name in scores and name not in given]
    repeats = scores[REPEAT].fillna(1) if REPEAT in scores else 1
    one_set = scores.assign(**{REPEAT: repeats})[scores.method != NONE].groupby(["task", "method", REPEAT], sort=False)
    for (task, method, _), rows in one_set:
        for fact in facts:
            first = rows.dropna(subset=fact).drop_duplicates(fact)
            if len(first) > 1:
                one, other = (first.iloc[place] for place in (0, 1))
                files = " and ".join(dict.fromkeys([one[FILE], other[FILE]]))
                remedy = f", or give {fact} as a parameter" if fact.endswith("price") else ""
                raise ValueError(
                    f"{files}: rows of {task}, {method} have two values of {fact}, {one[fact]:g} and {other[fact]:g}, so they "
                    f"are of two example sets: give both sets to one run of 04, which tells them apart{remedy}."
                )


def _refuse_two_settings(scores: DataFrame) -> None:
    """Refuses rows of one task, method and repeat whose sets were made with different settings."""
    if set_names.SETTINGS not in scores:
        return
    repeats = scores[REPEAT].fillna(1) if REPEAT in scores else 1
    for (task, method, _), rows in scores.assign(**{REPEAT: repeats}).groupby(["task", "method", REPEAT], sort=False):
        for files, name, values in _differences(rows, set_names.SETTINGS):
            raise ValueError(
                f"{files}: rows of {task}, {method} are of two example sets, with {name} {values}: give both sets to one run of "
                "04, which tells them apart."
            )


def _refuse_two_recipes(scores: DataFrame) -> None:
    """Refuses rows of one task whose students were trained in two ways; of older tables only the encoder is known. Those at one
    level of a setting are of one way, and differ from the study's own in this setting alone."""
    if RECIPE not in scores and "encoder" not in scores:
        return
    columns = [name for name in (RECIPE, "encoder", STUDENT_LEVELS) if name in scores]
    recipes = scores.assign(**{RECIPE: [_recipe(row) for row in scores[columns].to_dict("records")]})
    _refuse_two_ways(recipes, ["task", *({STUDENT_LEVELS} & {*columns})])
    if STUDENT_LEVELS in scores:
        pairs = zip(recipes[RECIPE], recipes[STUDENT_LEVELS], strict=True)
        _refuse_two_ways(recipes.assign(**{RECIPE: [_without_levels(recipe, levels) for recipe, levels in pairs]}), ["task"])


def _without_levels(recipe: str, levels: Any) -> str:
    """A recipe but for the settings that levels are of."""
    if not recipe or not isinstance(levels, str):
        return recipe
    varied = {setting.rpartition(".")[2] for setting in json.loads(levels)}
    return json.dumps({name: value for name, value in json.loads(recipe).items() if name not in varied})


def _refuse_two_ways(recipes: DataFrame, by: Sequence[str]) -> None:
    for (task, *_), rows in recipes.groupby([*by], sort=False, dropna=False):
        for files, name, values in _differences(rows, RECIPE):
            raise ValueError(
                f"{files}: the students of {task} were trained in two ways, with {name} {values}, so a mean over them would be "
                "of neither: give 05 the tables of one way."
            )


def _recipe(row: dict[Any, Any]) -> str:
    """How the student of a row was trained, as JSON, its encoder included; empty if nothing is known."""
    recipe = json.loads(row[RECIPE]) if isinstance(row.get(RECIPE), str) else {}
    encoder = {"encoder": row["encoder"]} if isinstance(row.get("encoder"), str) else {}
    return json.dumps(encoder | recipe) if encoder or recipe else ""


def _differences(rows: DataFrame, column: str) -> Iterator[tuple[str, str, str]]:
    """Each pair of different JSON objects in a column: their files, the first thing that both have and in which they differ, and
    its two values. Older tables lack newer things."""
    different = rows[rows[column].fillna("") != ""].drop_duplicates(column)
    first, *others = [*map(json.loads, different[column])] or [{}]
    for other, file in zip(others, different[FILE][1:], strict=True):
        if apart := [name for name in first if name in other and first[name] != other[name]]:
            values = " and ".join(set_names.setting_text(each[apart[0]]) for each in (first, other))
            yield " and ".join(dict.fromkeys([different[FILE].iloc[0], file])), apart[0], values
