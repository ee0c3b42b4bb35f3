"""Students on public human data, as a check that they learn what such encoders are known to learn.

`REAL_DATA=/path python benchmarks/public.py` with hub/nyu-mll/glue/sst2, hub/dair-ai/emotion, frames/mitmovie (spans) and
frames/risec (recipes; predicates as triggers) below it. Nothing of the data is copied. See benchmarks/README.md.
"""

import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any

from lib.core.tasks import Card, load, read_card
from lib.training.settings import Recipe
from lib.training.student import Pool, scores, train

os.environ.update({"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false"})

SEEDS = (1, 2, 3)


def main() -> None:
    if not os.environ.get("REAL_DATA"):
        sys.exit("Set REAL_DATA to the folder of the public data (hub/, frames/).")
    real = Path(os.environ["REAL_DATA"]).resolve()
    os.environ["HUB_MIRROR"] = str(real / "hub")

    found = {}
    labels, windows = {"epochs": 5, "learning_rate": 3e-4}, {"epochs": 8, "batch_size": 4, "learning_rate": 5e-4}
    checks = {
        "sst2 300, all layers": (*public("sentiment", "sst2", 300), Recipe(frozen_layers=0, **labels)),
        "sst2 300, 4 frozen": (*public("sentiment", "sst2", 300), Recipe(frozen_layers=4, epochs=5, learning_rate=5e-4)),
        "sst2 300, linear probe": (*public("sentiment", "sst2", 300), Recipe(frozen_layers=6)),
        "emotion 600, all layers": (*public("emotion", "twitter_emotion", 600), Recipe(frozen_layers=0, **labels)),
        "mitmovie 500, all layers": (*spans(real / "frames" / "mitmovie"), Recipe(frozen_layers=0, epochs=6, learning_rate=5e-4)),
        "risec 126, all layers": (*recipes(real / "frames" / "risec"), Recipe(frozen_layers=0, **windows)),
    }  # fmt: skip
    for name, (card, train_rows, test_rows, recipe) in checks.items():
        found[name] = check(name, card, train_rows, test_rows, recipe)
    print(json.dumps(found))


def public(task: str, source: str, n: int) -> tuple[Any, list[Any], list[Any]]:

    card = read_card(task)
    return card, load(card, "train", source).to_list()[:n], load(card, "test", source).to_list()


def check(name: str, card: Any, train_rows: list[Any], test_rows: list[Any], recipe: Any) -> dict[str, float]:
    """Mean scores over seeds, on the whole test set."""

    started = time.perf_counter()
    pool = Pool(card, train_rows, recipe=recipe, others=[(card, test_rows)])
    learned, tested = range(len(train_rows)), range(len(train_rows), len(train_rows) + len(test_rows))
    every = [scores(train(pool, learned, seed=seed), pool, chosen=tested)[0] for seed in SEEDS]
    found = {key: round(mean(one[key] for one in every), 3) for key in every[0]}
    seconds = time.perf_counter() - started
    print(f"{name}: n test {len(test_rows)}, {len(SEEDS)} seeds, {seconds:.0f} s in all: {found}", flush=True)
    return found


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def card_of(kind: str, fields: dict[str, str], labels: Iterable[str], roles: Iterable[str] = ()) -> Any:
    return Card.model_validate({
        "name": kind, "kind": kind, "description": "a check", "fields": fields, "family": kind,
        "labels": {label: label for label in sorted(labels)}, "roles": {role: role for role in sorted(roles)},
        "human_price": {"dollars": 1, "source": "not bought", "assumed": True}, "sources": {"none": {"files": {"train": "none"}}},
    })  # fmt: skip


def spans(folder: Path) -> tuple[Any, list[Any], list[Any]]:
    train_rows, test_rows = lines(folder / "human.jsonl")[:500], lines(folder / "test.jsonl")
    labels = {span["label"] for row in train_rows + test_rows for span in row["spans"]}
    return card_of("spans", {"text": "a question about films"}, labels), train_rows, test_rows


def recipes(folder: Path) -> tuple[Any, list[Any], list[Any]]:
    train_rows, test_rows = ([dialogue(row) for row in lines(folder / f"{split}.jsonl")] for split in ("train", "test"))
    frames = [frame for row in train_rows + test_rows for frame in row["frames"]]
    roles = {argument["role"] for frame in frames for argument in frame["arguments"]}
    return card_of("frames", {"topic": "a recipe"}, {frame["type"] for frame in frames}, roles), train_rows, test_rows


def dialogue(row: Any) -> Any:
    """A recipe as a dialogue without speakers, a line a turn; each event is a frame."""
    starts = [0]
    for line in row["text"].split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def placed(span: Any) -> Any:
        turn = max(k for k, start in enumerate(starts) if start <= span["start"])
        return {"turn": turn, "start": span["start"] - starts[turn], "end": span["end"] - starts[turn]}

    frames = [
        {
            "type": event["type"],
            "trigger": placed(row["spans"][event["trigger"]]),
            "arguments": [{"role": one["role"], **placed(row["spans"][one["span"]])} for one in event["args"]],
        }
        for event in row["events"]
    ]
    return {"id": row["id"], "topic": row["id"], "turns": [{"text": line} for line in row["text"].split("\n")], "frames": frames}


if __name__ == "__main__":
    main()
