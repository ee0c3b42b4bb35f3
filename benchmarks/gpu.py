"""Students side by side on a GPU: equal in two runs, and how far they are from students alone and on the processor.

Part of benchmarks/gpu.sh; MiniLM with all layers on news, 60 and 150 examples, five seeds.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

import torch
from pandas import DataFrame

from lib.core.mixes import NONE
from lib.core.tasks import load, read_card
from lib.training.mix_draws import Run
from lib.training.settings import Recipe
from lib.training.student import device_of
from lib.training.sweep import Evaluation, sweep

_LARGEST_GAP = 0.02
"""In mean accuracy of ten runs; one run more or less right in a hundred is noise."""
CARD = read_card("news")
RUNS = [Run(NONE, size, 0, seed) for size in (60, 150) for seed in (1, 2, 3, 4, 5)]
RECIPE = Recipe(epochs=5, frozen_layers=0, device="cuda" if torch.cuda.is_available() else "cpu", slots=5)
WAYS = {
    "side by side": RECIPE,
    "again": RECIPE,
    "two at once": RECIPE.model_copy(update={"slots": 2}),
    "alone": RECIPE.model_copy(update={"slots": 1}),
    "processor": RECIPE.model_copy(update={"slots": None, "device": "cpu"}),
}


def main() -> None:
    tables = {name: trained(name, recipe) for name, recipe in WAYS.items()}
    first = tables["side by side"]
    gaps = {name: mean(table.accuracy) - mean(first.accuracy) for name, table in tables.items()}
    equal = first.predicted.tolist() == tables["again"].predicted.tolist()
    one_run = {name: (table.accuracy - first.accuracy).abs().max() for name, table in tables.items()}
    print({name: f"mean {gaps[name]:+.4f}, one run at most {one_run[name]:.3f}" for name in tables})
    found = {"equal_in_two_runs": equal, "alone_gap": round(gaps["alone"], 4), "processor_gap": round(gaps["processor"], 4)}
    print(json.dumps(found))
    if not equal or max(abs(gaps["two at once"]), abs(gaps["alone"]), abs(gaps["processor"])) > _LARGEST_GAP:
        sys.exit("Students side by side are not what they are elsewhere: see the lines above.")


def trained(name: str, recipe: Recipe) -> DataFrame:
    started = time.perf_counter()
    tests = {"test": Evaluation(CARD, load(CARD, "test").to_list())}
    with tempfile.TemporaryDirectory() as folder:
        kept = str(Path(folder) / "kept")
        human = load(CARD, "train").to_list()
        table = sweep(CARD, human, synthetic={}, evaluations=tests, runs=RUNS, recipe=recipe, kept=kept)
    seconds = time.perf_counter() - started
    where = f"{device_of(recipe)}, {table.precision[0]}, {table.slots.max()} at once"
    print(f"{name:13}{len(RUNS)} runs on {where} in {seconds:.1f} s: mean accuracy {mean(table.accuracy):.3f}", flush=True)
    return table


if __name__ == "__main__":
    main()
