"""Runs a minute of a sweep against `transformers.Trainer`, one run after another; and how long a frames student takes.

The same encoder with the same head (mean of the tokens, one linear layer), mixes, epochs, batch size and learning rate, and
one evaluation a run. On a GPU, `--device cuda`, also one student after another; those side by side get more seeds, since they
take so little time. `--random` takes RoBERTa-base's shape with random weights, which is as good for timing, and bounds itself to
some minutes. See benchmarks/README.md for what was measured.
"""

import argparse
import json
import logging
import os
import tempfile
import time
import warnings
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from lib.core.encoders import EMBEDDED, location, open_encoder, open_tokenizer
from lib.core.example_sets import example_sets
from lib.core.mixes import NONE
from lib.core.tasks import load, read_card
from lib.training.mix_draws import Run, draw_mix
from lib.training.settings import Recipe
from lib.training.student import Pool, device_of, precision, scores, train
from lib.training.sweep import Evaluation, sweep

os.environ.update({"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"})
warnings.filterwarnings("ignore")

TASKS, SIZES, SEEDS, SYNTHETIC = ("news", "sentiment"), (60, 150, 300), (1, 2, 3, 4, 5), 24


def main() -> None:
    given = arguments()
    seconds, found = defaultdict[str, float](float), defaultdict[str, Any](dict)
    for task in given.tasks:
        pools(task)
        for name, (recipe, seeds) in variants(given).items():  # In turn for each task: noise of the machine meets all alike.
            runs = [(task, size, seed) for size in given.sizes for seed in seeds]
            started = time.perf_counter()
            found[name] |= by_trainer(runs, recipe) if name == "trainer" else by_sweep(runs, recipe, given.workers)
            seconds[name] += time.perf_counter() - started
            print(f"{task} {name}: {len(runs)} runs in {time.perf_counter() - started:.0f} s", flush=True)
    show(given, seconds, found, matrix_rate(device_of(recipe_for(given))))
    gaps = {name: gap_to_trainer(rates, found["trainer"]) for name, rates in found.items() if name != "trainer"}
    print(f"mean accuracy minus Trainer's: {', '.join(f'{name} {gap:+.4f}' for name, gap in gaps.items())}")
    rates = {name: len(found[name]) / seconds[name] for name in found}
    figures = {f"{name}_ratio": round(rates[name] / rates["trainer"], 2) for name in gaps}
    figures |= {"accuracy_gap": round(max(map(abs, gaps.values())), 4)}
    print(json.dumps(figures if given.random else figures | {"frames_seconds": frames_seconds(given)}))


def variants(given: argparse.Namespace) -> dict[str, tuple[Recipe, list[int]]]:
    """What is timed: a recipe and its seeds."""
    full = recipe_for(given).model_copy(update={"frozen_layers": 0})
    # Fewer layers that train want larger steps; the rest is the same for all.
    frozen = full.model_copy(update={"frozen_layers": given.frozen, "learning_rate": 5e-4})
    if device_of(full) == "cpu":
        return {"frozen": (frozen, given.seeds), "full": (full, given.seeds), "trainer": (full, given.seeds)}
    few, many = given.seeds[: 1 if given.random else 2], list(range(1, 1 + given.many_seeds))
    alone = full.model_copy(update={"slots": 1})
    return {"frozen": (frozen, many), "full": (full, many), "alone": (alone, few[:1]), "trainer": (full, few)}


def gap_to_trainer(rates: dict[Any, float], trainers: dict[Any, float]) -> float:
    """How much better the same runs are than Trainer's, on average."""
    return mean(rates[run] - accuracy for run, accuracy in trainers.items() if run in rates)


def show(given: argparse.Namespace, seconds: dict[str, float], found: dict[str, Any], rate: float) -> None:
    mixes = [(task, size) for task in given.tasks for size in given.sizes]
    heads = "".join(f"{f'{task} {size}':>15}" for task, size in mixes)
    print(f"{'':10}{'runs':>6}{'runs/min':>10}{'ratio':>8}{'of matrix rate':>16}{'accuracy':>10}{heads}")
    trainer = len(found["trainer"]) / seconds["trainer"]
    for name, rates in found.items():
        cells = [mean(rates[run] for run in rates if run[:2] == mix) for mix in mixes]
        pace, seeds = len(rates) / seconds[name], len({seed for _, _, seed in rates})
        share = work(given, given.frozen if name == "frozen" else 0, seeds) / seconds[name] / rate
        print(
            f"{name:10}{len(rates):6}{60 * pace:10.1f}{pace / trainer:8.2f}{share:16.1%}{mean(cells):10.3f}"
            + "".join(f"{cell:15.3f}" for cell in cells)
        )
    print(f"matrix rate: {rate / 1e12:.2f} TFLOP/s; accuracy: mean over all seeds")


def matrix_rate(device: str) -> float:
    """Operations a second of a large product of matrices, the best of some, in the type that students compute in."""
    import torch

    size = 2048 if device == "cpu" else 8192
    one = torch.randn(size, size, dtype=getattr(torch, precision(device)), device=device)
    best = float("inf")
    for _ in range(6):
        started = time.perf_counter()
        float((one @ one)[0, 0])
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def work(given: argparse.Namespace, frozen: int, seeds: int) -> float:
    """Operations that all runs of the layers that train need: 6 a weight and token learned from, 2 a token tested on."""

    recipe: Recipe = recipe_for(given)
    model, tokenizer = open_encoder(recipe.encoder), open_tokenizer(recipe.encoder)
    weights = sum(part.numel() for layer in model.encoder.layer[frozen:] for part in layer.parameters())
    total = 0.0
    for task in given.tasks:
        _, human, _, test = pools(task)
        length, tested = (mean(len(tokenizer(row["text"])["input_ids"]) for row in rows) for rows in (human, test))
        for size in given.sizes:
            total += seeds * weights * (6 * recipe.epochs * size * length + 2 * len(test) * tested)
    return total


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--encoder", default=None)
    parser.add_argument(
        "--random", action="store_true", help="an encoder of roberta-base's shape with random weights, all layers"
    )
    parser.add_argument("--workers", type=int, default=None, help="runs that train side by side")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--many-seeds", type=int, default=64, help="seeds of students side by side on a GPU")
    parser.add_argument("--frozen", type=int, default=4, help="layers that stay as they are in one of the recipes")
    return parser.parse_args()


@cache
def random_roberta() -> str:
    """A folder with roberta-base's shape, random weights, and the embedded encoder's tokenizer."""
    from transformers import AutoTokenizer, RobertaConfig, RobertaModel

    folder = tempfile.mkdtemp()
    AutoTokenizer.from_pretrained(location(EMBEDDED)).save_pretrained(folder)
    RobertaModel(RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=2)).save_pretrained(folder)
    return folder


def recipe_for(given: argparse.Namespace) -> Recipe:
    """What all have in common; by epochs, as Trainer counts."""
    encoder = random_roberta() if given.random else given.encoder or EMBEDDED
    return Recipe(encoder=encoder, epochs=5, batch_size=16, learning_rate=3e-4, device=given.device)


@cache
def pools(task: str) -> tuple[Any, list[Any], list[Any], list[Any]]:
    """Card, human examples, synthetic ones from the recordings, test examples."""

    card = read_card(task)
    return card, load(card, "train").to_list(), example_sets(card, None)["zero_shot"].rows, load(card, "test").to_list()


def by_sweep(runs: list[Any], recipe: Any, workers: int | None) -> dict[Any, float]:
    """Accuracy of each run; start-up, tokens and features included, as the user waits for them, too."""

    found = {}
    for task in dict.fromkeys(task for task, _, _ in runs):
        card, human, synthetic, test = pools(task)
        mixes = [Run("zero_shot", min(size - SYNTHETIC, len(human)), SYNTHETIC, seed) for one, size, seed in runs if one == task]
        with tempfile.TemporaryDirectory() as folder:
            kept = str(Path(folder) / "kept.jsonl")
            table = sweep(
                card,
                human,
                synthetic={"zero_shot": synthetic},
                evaluations={"test": Evaluation(card, test)},
                runs=mixes,
                recipe=recipe,
                kept=kept,
                workers=workers,
            )
        found |= {(task, row.n_human + row.n_synthetic, row.seed): row.accuracy for row in table.itertuples()}
    return found


def by_trainer(runs: list[Any], recipe: Any) -> dict[Any, float]:
    """Accuracy of each run, one after another."""
    return {run: trained_by_trainer(*run, recipe) for run in runs}


def trained_by_trainer(task: str, size: int, seed: int, recipe: Any) -> float:
    """Accuracy of one run, as the documentation of transformers does it: dynamic padding, evaluation at the end."""
    import numpy as np
    from datasets import Dataset
    from transformers import AutoTokenizer, DataCollatorWithPadding, PrinterCallback, Trainer, TrainingArguments, set_seed

    logging.getLogger("transformers").setLevel(logging.ERROR)
    card, human, synthetic, test = pools(task)
    every, labels = [*human, *synthetic], list(card.labels)
    run = Run("zero_shot", min(size - SYNTHETIC, len(human)), SYNTHETIC, seed)
    places, counts = {NONE: 0, "zero_shot": len(human)}, {NONE: len(human), "zero_shot": len(synthetic)}
    chosen = [every[i] for i in draw_mix(run, places, sizes=counts)]
    folder = location(recipe.encoder)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def tokens(rows: list[Any]) -> Any:
        data = Dataset.from_list([{"text": row["text"], "labels": labels.index(row["label"])} for row in rows])
        return data.map(
            lambda batch: tokenizer(batch["text"], truncation=True, max_length=512), batched=True, remove_columns="text"
        )

    set_seed(seed)
    settings = TrainingArguments(
        tempfile.mkdtemp(), num_train_epochs=recipe.epochs, per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=64, learning_rate=recipe.learning_rate, weight_decay=0.01, warmup_steps=0.1,
        lr_scheduler_type="linear", seed=seed, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
        use_cpu=device_of(recipe) == "cpu", bf16=device_of(recipe) != "cpu",
    )  # fmt: skip
    trainer = Trainer(
        mean_classifier(folder, len(labels)), settings, DataCollatorWithPadding(tokenizer), tokens(chosen), tokens(test)
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    guessed = trainer.predict(trainer.eval_dataset).predictions.argmax(1)
    return float(np.mean(guessed == np.array([labels.index(row["label"]) for row in test])))


def mean_classifier(folder: str, labels: int) -> Any:
    """An encoder with a student's head, as a model that Trainer takes."""
    import torch
    from transformers import AutoModel

    class MeanClassifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(folder, use_safetensors=True)
            self.linear = torch.nn.Linear(self.encoder.config.hidden_size, labels)

        def forward(self, input_ids: Any, attention_mask: Any, labels: Any = None, token_type_ids: Any = None) -> Any:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            logits = self.linear((hidden * attention_mask[:, :, None]).sum(1) / attention_mask.sum(1, keepdim=True))
            loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
            return {"loss": loss, "logits": logits}

    return MeanClassifier()


def frames_seconds(given: argparse.Namespace) -> float:
    """Reads 40 dialogues, trains on them and scores 20, all included."""

    started = time.perf_counter()
    card = read_card("frames")
    train_rows, test = load(card, "train").to_list()[:40], load(card, "test").to_list()
    recipe = Recipe(epochs=6, batch_size=4, learning_rate=5e-4, frozen_layers=0, device=given.device)
    pool = Pool(card, train_rows, recipe=recipe, others=[(card, test)])
    found = scores(train(pool, range(40), seed=1), pool, chosen=range(40, 60))[0]
    print("frames: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return round(time.perf_counter() - started, 1)


if __name__ == "__main__":
    main()
