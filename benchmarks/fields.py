"""Can an embedded classification set be learned, and is it more than trivial?

    python benchmarks/fields.py [TASK ...]        # abstract, clause and helpdesk, if none is named

A linear probe on all-MiniLM-L6-v2 (all layers frozen, as students are by default) learns from some training examples,
drawn anew for each seed, and is scored on the whole test set. Beside it stand Naive Bayes on the words of all of them,
and chance. Texts of train that stand in test, equal or nearly so, are counted.
"""

import json
import statistics
import sys
from typing import Any

import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from lib.core import metrics
from lib.core.contamination import repeated, texts_of_test
from lib.core.mixes import NONE
from lib.core.tasks import Card, load, read_card, text_of
from lib.core.text import NearTexts
from lib.training.mix_draws import Run, draw_mix
from lib.training.settings import Recipe
from lib.training.student import predict, train
from lib.training.sweep import Bench, Evaluation

SIZES, SEEDS = (25, 60), range(1, 11)


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    print(f"{'task':12}{'chance':>8}" + "".join(f"{f'probe {n}':>14}" for n in SIZES) + f"{'words':>8}{'repeated':>10}")
    said = dict[str, float]()
    for name in names:
        card = read_card(name)
        human, test = load(card).to_list(), load(card, "test").to_list()
        scores = probed(card, human, test)
        probes = "".join(f"{f'{mean:.2f} +- {spread:.2f}':>14}" for mean, spread in scores)
        found = repeated([text_of(card, row) for row in human], NearTexts(texts_of_test(card, None)))
        chance = card.task_kind.chance(test)["macro_f1"]
        print(f"{name:12}{chance:8.2f}{probes}{by_words(card, human, test):8.2f}{len(found.pairs):10}")
        said |= {f"{name}_{n}": round(mean, 3) for n, (mean, _) in zip(SIZES, scores, strict=True)}
    print(json.dumps(said))


def probed(card: Card, human: list[Any], test: list[Any]) -> list[tuple[float, float]]:
    """Macro-F1 of probes by number of examples: its mean and standard deviation over draws."""
    recipe = Recipe(frozen_layers=6)
    bench = Bench(card, human, synthetic={}, evaluations={"test": Evaluation(card, test)}, recipe=recipe)
    tested, gold = list(bench.tested["test"]), [row["label"] for row in test]
    found = []
    for n in SIZES:
        scores = []
        for seed in SEEDS:
            chosen = draw_mix(Run(NONE, n, 0, seed), bench.places, sizes=bench.sizes)
            answers = predict(train(bench.pool, chosen, seed=seed), bench.pool, chosen=tested)
            scores.append(metrics.classification(gold, answers)["macro_f1"])
        found.append((statistics.mean(scores), statistics.pstdev(scores)))
    return found


def by_words(card: Card, human: list[Any], test: list[Any]) -> float:
    """Macro-F1 of Naive Bayes on the words of all training examples."""
    words = CountVectorizer()
    model = MultinomialNB().fit(words.fit_transform([text_of(card, row) for row in human]), [row["label"] for row in human])
    answers = list(model.predict(words.transform([text_of(card, row) for row in test])))
    return metrics.classification([row["label"] for row in test], answers)["macro_f1"]


if __name__ == "__main__":
    main(sys.argv[1:] or ["abstract", "clause", "helpdesk"])
