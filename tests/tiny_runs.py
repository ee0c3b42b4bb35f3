"""What the notebooks' tests give to the notebooks: settings so small that a run takes seconds, cards, and the key."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from lib.core import paths

KEY = "sk-test-4f9a17c0b2d84e6f"
ASKING = {"teacher": "m", "study": "own", "budget": 1.0, "token_prices": {"m": {"input": 1.0, "output": 2.0}}}
TINY = {"human_sizes": [], "synthetic_sizes": [], "budgets": [0.9], "shares": [0, 1], "seeds": 1, "epochs": 1}
TEXTS = ("diversity", "map", "lengths", "guessing")
"""Figures of texts that there are in any case; that of outcomes needs an item that was not kept, that of words one that tells."""


def holds_key(folder: Path, logged: str) -> list[str]:
    """Where the key went, Parquet (which is compressed) also read as a table."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = [str(path) for path in files if KEY.encode() in path.read_bytes()]
    tables = [path for path in files if path.suffix == ".parquet"]
    found += [str(path) for path in tables if KEY in pd.read_parquet(path).to_json()]
    return found + ["the log"] * (KEY in logged)


def written_lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def first_of(task: str, folder: Path, metric: str = "accuracy", **sizes: int) -> str:
    """A card of data/tasks over the first rows of its splits, an example at a dollar; the path of the card."""
    card = yaml.safe_load((paths.TASKS / f"{task}.yaml").read_text(encoding="utf-8"))
    files = {}
    for split, n in sizes.items():
        lines = (paths.ROOT / "data" / "reference" / task / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:n]
        files[split] = written_lines(folder / f"{task}-{split}.jsonl", list(map(json.loads, lines)))
    price = {"dollars": 1, "source": "a test", "assumed": True}
    path = folder / f"{task}.yaml"
    card |= {"sources": {"own": {"files": files}}, "human_price": price, "metric": metric}
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return str(path)
