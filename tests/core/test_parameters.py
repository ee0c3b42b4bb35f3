"""A notebook's parameters are those that it declares, each of its type, however it was run."""

from typing import Any

import pytest
from refusing import refused

from lib.core import config

DECLARED = """from typing import Optional

task: str = "news"  # a card
n: int = 48
rate: float = 5.0e-4
budget: Optional[float] = None  # dollars
examples: list = []
prices: dict = {}
exact: bool = False"""
VALUES = {"task": "news", "n": 48, "rate": 5e-4, "budget": None, "examples": [], "prices": {}, "exact": False}
MAGIC = "%load_ext autoreload\n%autoreload 2\nwrong: str = 'not a parameter'"


def check(injected: str | None = None, cells: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    """What a notebook does: the cells that ran, and the names as they are then."""
    ran = ["", DECLARED, *([f"# Parameters\n{injected}\n"] if injected else []), *cells, MAGIC]
    return config.check(ran, VALUES | values | {"unrelated": object()})


def test_the_parameters_and_nothing_else_are_given_back() -> None:
    assert check() == VALUES


def test_what_papermill_injects_is_among_them() -> None:
    assert check('task = "mine.yaml"\nn = 3\n', task="mine.yaml", n=3) == VALUES | {"task": "mine.yaml", "n": 3}


@pytest.mark.parametrize("injected", ["nn = 3", "n = 3\nnn = 4", "nn = [\n    1,\n]"])
def test_an_unknown_name_is_refused(injected: str) -> None:
    refused(lambda: check(injected, nn=3), "Unknown notebook parameter 'nn'", "task, n, rate, budget")


def test_every_unknown_name_is_said() -> None:
    refused(lambda: check("b = 3\na = 4"), "'a', 'b'")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"n": "3"}, "'n' is '3', but int is expected"),
        ({"n": 3.5}, "'n' is 3.5, but int"),
        ({"n": True}, "'n' is True, but int"),
        ({"n": None}, "'n' is None, but int"),
        ({"task": None}, "'task' is None, but str"),
        ({"task": 7}, "'task' is 7, but str"),
        ({"rate": "5e-4"}, "'rate' is '5e-4', but float"),
        ({"rate": None}, "'rate' is None, but float"),
        ({"budget": "5"}, "'budget' is '5', but Optional[float]"),
        ({"examples": "a.parquet"}, "'examples' is 'a.parquet', but list"),
        ({"examples": {}}, "'examples' is {}, but list"),
        ({"prices": []}, "'prices' is [], but dict"),
        ({"exact": 1}, "'exact' is 1, but bool"),
    ],
)
def test_a_wrong_type_is_refused(values: dict[str, Any], said: str) -> None:
    refused(lambda: check(**values), f"Notebook parameter {said}")


@pytest.mark.parametrize("values", [{"rate": 1}, {"budget": 5}, {"budget": 0.5}, {"examples": ["a", "b"]}, {"prices": {"m": {}}}])
def test_what_papermill_makes_of_its_command_line_is_accepted(values: dict[str, Any]) -> None:
    """`-p rate 1` is an int to papermill."""
    assert check(**values) == VALUES | values


def test_an_edited_cell_counts_in_jupyterlab() -> None:
    edited = 'task: str = "mine"\nlimit: int = 3'
    found = config.check(["", DECLARED, MAGIC, edited, MAGIC], VALUES | {"task": "mine", "limit": 3})
    assert found == {"task": "mine", "limit": 3}


def test_an_edited_value_counts_in_jupyterlab() -> None:
    found = config.check(["", DECLARED, MAGIC, DECLARED.replace("48", "5"), MAGIC], VALUES | {"n": 5})
    assert found == VALUES | {"n": 5}
    refused(lambda: config.check(["", DECLARED, DECLARED.replace("48", "'five'"), MAGIC], VALUES | {"n": "five"}), "'five'")


@pytest.mark.parametrize(
    "scratch", ["count: int = 3", "n = 'changed'[:0] or 48", "!ls", "?check", "for i in (", "%%time\nx: int = 1"]
)
def test_a_scratch_cell_in_between_does_no_harm(scratch: str) -> None:
    assert check(cells=(scratch,), count=3) == VALUES


def test_the_parameters_cell_has_to_run_first() -> None:
    refused(lambda: config.check(["", MAGIC], VALUES), "No parameters cell has run", "first code cell")
    refused(lambda: config.check([], {}), "No parameters cell")
