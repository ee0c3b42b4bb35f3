"""Notebook 02: labels that a teacher gives."""

from lib.labeling.agreement import Agreement, agreement, side_by_side
from lib.labeling.labels import (
    LABELING_METHODS,
    Labeled,
    LabelingPool,
    default_output,
    dollars_before,
    humans_shown,
    label,
    methods_of,
    possible_requests,
    read_pool,
    set_name,
)

__all__ = [
    "LABELING_METHODS",
    "Agreement",
    "Labeled",
    "LabelingPool",
    "agreement",
    "default_output",
    "dollars_before",
    "humans_shown",
    "label",
    "methods_of",
    "possible_requests",
    "read_pool",
    "set_name",
    "side_by_side",
]
