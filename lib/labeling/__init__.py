"""Notebook 02: labels that a teacher gives."""

from lib.labeling.agreement import Agreement, agreement, side_by_side
from lib.labeling.labels import (
    METHODS,
    Labeled,
    Pool,
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
    "METHODS",
    "Agreement",
    "Labeled",
    "Pool",
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
