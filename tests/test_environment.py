"""pip, conda and the lock give the same environment."""

import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from lib.core import paths

PROJECT: dict[str, Any] = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA: dict[str, Any] = yaml.safe_load((paths.ROOT / "environment.yml").read_text(encoding="utf-8"))
LOCK = [Requirement(line) for line in (paths.ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line.strip()]
PINS = {canonicalize_name(pin.name): str(pin.specifier) for pin in LOCK}
WANTED = [
    Requirement(line) for line in [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]
]


@pytest.mark.parametrize("pin", LOCK, ids=lambda pin: pin.name)
def test_the_lock_pins_one_version(pin: Requirement) -> None:
    [only] = pin.specifier
    assert only.operator == "=="
    assert Version(only.version)
    assert pin.url is None


def test_the_lock_names_nothing_twice() -> None:
    assert len(PINS) == len(LOCK)


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_what_the_project_needs_is_locked_to_a_version_that_it_admits(wanted: Requirement) -> None:
    pin = PINS[canonicalize_name(wanted.name)]
    assert wanted.specifier.contains(pin.removeprefix("=="), prereleases=True)


def test_what_builds_the_project_is_locked() -> None:
    """It is installed without build isolation, because there may be no network."""
    for needed in map(Requirement, PROJECT["build-system"]["requires"]):
        assert needed.specifier.contains(PINS[canonicalize_name(needed.name)].removeprefix("=="))


def test_torch_is_the_one_that_offline_machines_have() -> None:
    assert PINS["torch"] == "==2.13.0"
    assert [str(wanted.specifier) for wanted in WANTED if wanted.name == "torch"] == ["==2.13.0"]


def conda(name: str) -> list[str]:
    return [line for line in CONDA["dependencies"] if isinstance(line, str) and line.split("=")[0] == name]


def test_conda_installs_the_lock_and_then_the_project() -> None:
    [pip] = [part["pip"] for part in CONDA["dependencies"] if isinstance(part, dict)]
    locked, project = pip
    assert locked == "-r requirements.lock"
    assert "-e ." in project
    assert [conda(name) for name in ("pip", "make", "git")] == [["pip"], ["make"], ["git"]]


def test_conda_names_a_python_that_the_project_admits() -> None:
    [python] = conda("python")
    admitted = SpecifierSet(PROJECT["project"]["requires-python"])
    assert python.split("=")[-1] in admitted
    assert not admitted.contains("3.10")
