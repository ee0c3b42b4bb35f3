"""Notebook 03: how varied texts are, how close to those of people, and which shortcuts predict their labels."""

from lib.diversity.coverage import topics_missed
from lib.diversity.figures import (
    contents_figure,
    controls_figure,
    coverage_figure,
    drift_figure,
    frequencies_figure,
    generations_figure,
    guessing_figure,
    lengths_figure,
    map_figure,
    measures_figure,
    representation_figure,
    rewording_figure,
    starts_table,
    stereotypes_table,
    tree_figure,
    words_figure,
    yield_figure,
)
from lib.diversity.label_shift import label_counts
from lib.diversity.shortcuts import most_telling
from lib.diversity.stereotypes import strongest
from lib.diversity.texts import beside_human, read_texts, repeats, said_of_test, vocabulary

__all__ = [
    "beside_human",
    "contents_figure",
    "controls_figure",
    "coverage_figure",
    "drift_figure",
    "frequencies_figure",
    "generations_figure",
    "guessing_figure",
    "label_counts",
    "lengths_figure",
    "map_figure",
    "measures_figure",
    "most_telling",
    "read_texts",
    "repeats",
    "representation_figure",
    "rewording_figure",
    "said_of_test",
    "starts_table",
    "stereotypes_table",
    "strongest",
    "topics_missed",
    "tree_figure",
    "vocabulary",
    "words_figure",
    "yield_figure",
]
