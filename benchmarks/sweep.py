"""Runs a minute of a sweep against `transformers.Trainer`, one run after another; and how long a frames student takes.

The same encoder with the same head (mean of the tokens, one linear layer), mixes, epochs, batch size and learning rate, and
one evaluation a run. `--device cuda --encoder roberta-base` runs it on a GPU; an encoder that cannot be loaded is made with
random weights from its shape, `--random`, which is as good for timing. See benchmarks/README.md for what was measured.
"""

import argparse
import json
import logging
import os
import tempfile
import time
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

os.environ.update({"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"})
warnings.filterwarnings("ignore")

TASKS, SIZES, SEEDS, SYNTHETIC = ("news", "sentiment"), (60, 150, 300), (1, 2, 3, 4, 5), 40


def main() -> None:
    given = arguments()
    runs = [(task, size, seed) for task in given.tasks for size in given.sizes for seed in given.seeds]
    recipe = recipe_for(given)
    ours: dict[str, dict[Any, float]] = {}
    minutes: dict[str, float] = {}
    for task in given.tasks:
        pools(task)
    # Fewer layers that train want larger steps; the rest is the same for all three.
    for name, changes in {"frozen": {"frozen_layers": 4, "learning_rate": 5e-4}, "full": {"frozen_layers": 0}}.items():
        started = time.perf_counter()
        ours[name] = by_sweep(runs, replace(recipe, **changes), given.workers)
        minutes[name] = (time.perf_counter() - started) / 60
    started = time.perf_counter()
    theirs = {run: by_trainer(*run, recipe) for run in runs}
    minutes["trainer"] = (time.perf_counter() - started) / 60
    print(
        f"{'':10}{'runs/min':>10}{'ratio':>8}   accuracy: "
        + "".join(f"{f'{task} {size}':>15}" for task in given.tasks for size in given.sizes)
        + f"{'mean':>8}"
    )
    for name, found in {"trainer": theirs, **ours}.items():
        cells = [mean(found[task, size, seed] for seed in given.seeds) for task in given.tasks for size in given.sizes]
        ratio = minutes["trainer"] / minutes[name]
        print(
            f"{name:10}{len(runs) / minutes[name]:10.1f}{ratio:8.2f}"
            + " " * 13
            + "".join(f"{cell:15.3f}" for cell in cells)
            + f"{mean(cells):8.3f}"
        )
    gaps = {name: mean(found.values()) - mean(theirs.values()) for name, found in ours.items()}
    print(f"mean accuracy minus Trainer's: {', '.join(f'{name} {gap:+.4f}' for name, gap in gaps.items())}")
    figures = {f"{name}_ratio": round(minutes["trainer"] / minutes[name], 2) for name in ours}
    figures |= {"accuracy_gap": round(max(map(abs, gaps.values())), 4), "frames_seconds": frames_seconds(given)}
    print(json.dumps(figures))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--encoder", default=None)
    parser.add_argument("--random", action="store_true", help="an encoder of roberta-base's shape with random weights")
    parser.add_argument("--workers", type=int, default=None, help="runs that train side by side")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    return parser.parse_args()


def recipe_for(given: argparse.Namespace) -> Any:
    from lib.encoders import EMBEDDED
    from lib.students import Recipe

    encoder = random_roberta() if given.random else given.encoder or EMBEDDED
    return Recipe(encoder=encoder, epochs=5, batch_size=16, learning_rate=3e-4, device=given.device)


def random_roberta() -> str:
    """A folder with roberta-base's shape, random weights, and the embedded encoder's tokenizer."""
    from transformers import AutoTokenizer, RobertaConfig, RobertaModel

    from lib.encoders import EMBEDDED, location

    folder = tempfile.mkdtemp()
    AutoTokenizer.from_pretrained(location(EMBEDDED)).save_pretrained(folder)
    RobertaModel(RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=2)).save_pretrained(folder)
    return folder


@cache
def pools(task: str) -> tuple[Any, list[Any], list[Any], list[Any]]:
    """Card, human examples, synthetic ones from the recordings, test examples."""
    from lib.studies import example_sets
    from lib.tasks import load, read_card

    card = read_card(task)
    return card, load(card, "train").to_list(), example_sets(card, [])["zero_shot"].rows, load(card, "test").to_list()


def by_sweep(runs: list[Any], recipe: Any, workers: int | None) -> dict[Any, float]:
    """Accuracy of each run; start-up, tokens and features included, as the user waits for them, too."""
    from lib.sweep import Evaluation, Run, sweep

    found = {}
    for task in dict.fromkeys(task for task, _, _ in runs):
        card, human, synthetic, test = pools(task)
        mixes = [Run("zero_shot", min(size - SYNTHETIC, len(human)), SYNTHETIC, seed) for one, size, seed in runs if one == task]
        with tempfile.TemporaryDirectory() as folder:
            kept = str(Path(folder) / "kept.jsonl")
            table = sweep(card, human, {"zero_shot": synthetic}, {"test": Evaluation(card, test)}, mixes, recipe, kept, workers)
        found |= {(task, row.n_human + row.n_synthetic, row.seed): row.accuracy for row in table.itertuples()}
    return found


def by_trainer(task: str, size: int, seed: int, recipe: Any) -> float:
    """Accuracy of one run, as the documentation of transformers does it: dynamic padding, evaluation at the end."""
    import numpy as np
    from datasets import Dataset
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments, set_seed

    from lib.encoders import location
    from lib.sweep import Run, mix

    logging.getLogger("transformers").setLevel(logging.ERROR)
    card, human, synthetic, test = pools(task)
    every, labels = [*human, *synthetic], list(card.labels)
    run = Run("zero_shot", min(size - SYNTHETIC, len(human)), SYNTHETIC, seed)
    chosen = [
        every[i]
        for i in mix(run, {"human only": 0, "zero_shot": len(human)}, {"human only": len(human), "zero_shot": len(synthetic)})
    ]
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
        use_cpu=recipe.on == "cpu", bf16=recipe.on != "cpu",
    )  # fmt: skip
    trainer = Trainer(
        mean_classifier(folder, len(labels)), settings, DataCollatorWithPadding(tokenizer), tokens(chosen), tokens(test)
    )
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
    from lib.students import Pool, Recipe, scores, train
    from lib.tasks import load, read_card

    started = time.perf_counter()
    card = read_card("frames")
    train_rows, test = load(card, "train").to_list()[:40], load(card, "test").to_list()
    recipe = Recipe(epochs=6, batch_size=4, learning_rate=5e-4, frozen_layers=0, device=given.device)
    pool = Pool(card, train_rows, recipe, [(card, test)])
    found = scores(train(pool, range(40), seed=1), pool, range(40, 60))[0]
    print("frames: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return round(time.perf_counter() - started, 1)


if __name__ == "__main__":
    main()
