"""What each notebook declares in its first code cell, and the settings that it takes beside."""

import ast
import json
from typing import Any

from pydantic import BaseModel

from lib.budget.settings import PlanSettings
from lib.core import paths
from lib.generation.settings import GenerationSettings
from lib.labeling.settings import LabelingSettings
from lib.teacher.settings import Access
from lib.training.settings import Mixes, Students

SETTINGS: dict[str, dict[str, type[BaseModel]]] = {
    "01_generation": {"settings": GenerationSettings, "access": Access},
    "02_labeling": {"settings": LabelingSettings, "access": Access},
    "03_diversity": {},
    "04_training": {"mixes": Mixes, "training": Students},
    "05_budget": {"settings": PlanSettings},
}
"""By notebook, each parameter that is a dict of settings with its model."""


def code_cells(notebook: str) -> list[str]:
    content = json.loads((paths.ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def parameters(notebook: str) -> dict[str, Any]:
    """The parameters of the first code cell, each with its default."""
    nodes = [node for node in ast.parse(code_cells(notebook)[0]).body if isinstance(node, ast.AnnAssign)]
    return {ast.unparse(node.target): ast.literal_eval(node.value) for node in nodes if node.value}


def names_taken(notebook: str) -> set[str]:
    """All names that papermill may give: parameters, and settings by themselves."""
    return set(parameters(notebook)).union(*(model.model_fields for model in SETTINGS[notebook].values()))


def defaults(model: type[BaseModel]) -> dict[str, Any]:
    return {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
