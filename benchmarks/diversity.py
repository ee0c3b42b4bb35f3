"""How fast sets of texts are measured: self-BLEU against nltk's own loop on the same texts, the Vendi score, and every measure of
a set with its intervals. `--large` measures 100,000 texts, too, in a process of its own: seconds and peak memory.

The texts are put together from halves of the sentences of the embedded reference sets, the vectors are random: neither takes
a network or an encoder. `python benchmarks/diversity.py` prints a table for people; its last line is JSON.
"""

import argparse
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.core.text import words
from lib.diversity.measures import GROUPS, Grams, MeasuredSet, jackknife, vendi

if TYPE_CHECKING:
    import numpy as np

N, VECTORS, LARGE, ANCHORS, DIMENSIONS = 1000, 10_000, 100_000, 10_000, 384
REPEATS = 5
SEED = 1
ROOT = Path(__file__).resolve().parent.parent
SAID = {
    "self_bleu_ratio": "seconds of nltk's loop over those of lib.diversity",
    "vendi_seconds": f"the Vendi score of {VECTORS:,} x {DIMENSIONS} unit vectors",
    "metrics_seconds": f"every measure of {N:,} texts with intervals, embeddings given",
    "large_seconds": f"every measure of {LARGE:,} texts once, nearest of {ANCHORS:,} anchors included",
    "large_peak_mb": "most memory of that process, in MiB, texts and vectors included",
}
Figures = dict[str, Any]

# ---- what is measured on ----


def sentences() -> list[list[str]]:
    """The words of each sentence that people's examples hold, whatever the field."""
    found: list[list[str]] = []
    for path in sorted((ROOT / "data" / "reference").glob("*/train.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for text in strings(json.loads(line)):
                found += [words for sentence in re.split(r"(?<=[.!?])\s+", text) if len(words := sentence.split()) > 3]
    return found


def strings(value: Any) -> list[str]:
    """Every text of an example, those of its turns included."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    return [value] if isinstance(value, str) else []


def made_up(n: int) -> list[str]:
    """Texts of one to three sentences, each the first half of one and the second half of another."""
    luck, pool = random.Random(SEED), sentences()

    def sentence() -> str:
        first, second = luck.choice(pool), luck.choice(pool)
        return " ".join(first[: len(first) // 2] + second[len(second) // 2 :])

    return [" ".join(sentence() for _ in range(luck.randint(1, 3))) for _ in range(n)]


def unit_vectors(n: int, seed: int) -> "np.ndarray":
    import numpy as np

    vectors = np.random.default_rng(seed).standard_normal((n, DIMENSIONS), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


# ---- what is measured ----


def timed(action: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Seconds, the median of some, and what came of it."""
    seconds: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = action()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), found


def by_nltk(tokens: list[list[str]]) -> list[float]:
    """The usual loop: each text against all others."""
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    smoothing = SmoothingFunction().method1
    return [sentence_bleu([*tokens[:i], *tokens[i + 1 :]], text, smoothing_function=smoothing) for i, text in enumerate(tokens)]


def self_bleus(texts: list[str]) -> Figures:
    """Both ways on the same words; and how far apart they are, on all texts and on ten parts of a hundred."""

    tokens = [words(text) for text in texts]
    ours, value = timed(lambda: Grams(tokens).self_bleu(), REPEATS)
    theirs, each = timed(lambda: by_nltk(tokens))
    differences = [abs(value - statistics.fmean(each))]
    whole = Grams(tokens)
    for start in range(0, len(tokens), 100):
        part = tokens[start : start + 100]
        chosen = [start <= place < start + 100 for place in range(len(tokens))]
        differences.append(abs(whole.self_bleu(mask(chosen)) - statistics.fmean(by_nltk(part))))
    return {"ours": ours, "nltk": theirs, "value": value, "difference": max(differences)}


def mask(chosen: list[bool]) -> "np.ndarray":
    import numpy as np

    return np.array(chosen)


def large() -> Figures:
    """Every measure of a large set, once; the peak is that of the process, so what it holds before is said, too."""

    texts, vectors, anchors = made_up(LARGE), unit_vectors(LARGE, SEED), unit_vectors(ANCHORS, SEED + 1)
    before = peak_mb()
    seconds, found = timed(lambda: MeasuredSet(texts, vectors, anchors).measures(mask([True] * LARGE)))
    return {"large_seconds": round(seconds, 1), "large_peak_mb": round(peak_mb()), "before_mb": round(before), "found": found}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def large_apart() -> Figures:
    """In a process of its own, so that its peak is not that of what was measured before."""
    done = subprocess.run([sys.executable, __file__, "--only-large"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The large set failed:\n{done.stderr[-2000:]}")
    figures: Figures = json.loads(done.stdout)
    return figures


def main(with_large: bool) -> None:

    texts, vectors, anchors = made_up(N), unit_vectors(N, SEED), unit_vectors(N, SEED + 1)
    many = unit_vectors(VECTORS, SEED)
    metrics_seconds, found = timed(lambda: jackknife(MeasuredSet(texts, vectors, anchors), SEED), REPEATS)
    vendi_seconds, _ = timed(lambda: vendi(many), REPEATS)
    print(f"{N:,} texts; {os.cpu_count()} cores; {GROUPS} halves for each interval", flush=True)
    bleu = self_bleus(texts)
    figures: Figures = {
        "self_bleu_ratio": round(bleu["nltk"] / bleu["ours"], 1),
        "vendi_seconds": round(vendi_seconds, 3),
        "metrics_seconds": round(metrics_seconds, 2),
    }
    columns = {"value": found}
    if with_large:
        measured = large_apart()
        figures |= {name: measured[name] for name in ("large_seconds", "large_peak_mb")}
        columns["large"] = {name: (value,) for name, value in measured["found"].items()}
    show(columns, bleu, figures)
    if with_large:
        print(f"large: {measured['before_mb']} MiB before anything is measured\n")
    print(json.dumps(figures))


def show(columns: Figures, bleu: Figures, figures: Figures) -> None:
    print(f"\n{'measure':15}{'value':>10}{'low':>10}{'high':>10}" + (f"{f'of {LARGE:,}':>14}" if "large" in columns else ""))
    for name, values in columns["value"].items():
        beside = "".join(f"{value:14.4f}" for value in columns.get("large", {}).get(name, ()))
        print(f"{name:15}" + "".join(f"{value:10.4f}" for value in values) + beside)
    print(f"\nself-BLEU of {N:,} texts: nltk {bleu['nltk']:.1f} s, lib.diversity {bleu['ours']:.4f} s; {bleu['value']:.6f}")
    print(f"largest difference, of all texts and of ten parts: {bleu['difference']:.1e}\n")
    for name, value in figures.items():
        print(f"{name:16} {value:>9}  {SAID[name]}")
    print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help=f"also measure {LARGE:,} texts")
    parser.add_argument("--only-large", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only_large:
        print(json.dumps(large()))
    else:
        main(given.large)
