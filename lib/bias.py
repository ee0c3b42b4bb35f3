"""What gives a label away: single words, a part of the input, or matching words.

Words: with no bias, a word says nothing of the label by itself (the competency assumption of Gardner et al. 2021), so a word
that goes with one label more often than chance allows is an artefact of how the set was written. Parts: where the label can
be told from the question without its passage, the task can be done without reading. Matching: a question whose words all
stand in one sentence of its passage is trivial.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lib.diversity import words
from lib.metrics import share_interval
from lib.sources import Row
from lib.tasks import Card, text_of

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame

FALSE_DISCOVERIES = 0.05
"""Of the words that are called telling, this share may be so by chance (Benjamini and Hochberg)."""
LEAST = 3
"""Texts that a word must be in to be tested."""
MATCHING = 0.8
"""A share of a question's content words: so many in one sentence of the passage make it trivial. No paper says; ours."""
FOLDS = 5
GUESSES = ["set", "given", "accuracy", "low", "high", "chance", "n"]
MATCHES = "matching words"
"""What is `given` where no label is guessed but examples are counted that matching words answer."""
AUXILIARY = {"did", "does", "doing"}


def associations(texts: Sequence[str], labels: Sequence[str]) -> "DataFrame":
    """One row for each word: the label that it goes with most, in how many texts it is, which share of those has the label,
    z against the label's share in the whole set, p by the exact binomial test, and q, which controls false discoveries."""
    import numpy as np
    import pandas as pd
    from scipy.stats import binom, false_discovery_control
    from sklearn.feature_extraction.text import CountVectorizer

    names = sorted(set(labels))
    columns = ["word", "label", "n", "share", "expected", "z", "p", "q"]
    if len(names) < 2 or not any(map(words, texts)):
        return pd.DataFrame(columns=columns)
    vectorizer = CountVectorizer(analyzer=words, binary=True)
    present = vectorizer.fit_transform(texts)
    is_label = np.array([[label == name for name in names] for label in labels], dtype=float)
    n, hits, expected = np.asarray(present.sum(axis=0)).ravel(), present.T @ is_label, is_label.mean(axis=0)
    z = (hits / n[:, None] - expected) / np.sqrt(expected * (1 - expected) / n[:, None])
    best, rows = z.argmax(axis=1), np.arange(len(n))
    k, chance = hits[rows, best], expected[best]
    p = np.minimum(1, len(names) * binom.sf(k - 1, n, chance))  # The best of the labels was picked.
    tested = n >= LEAST
    table = pd.DataFrame(
        {
            "word": vectorizer.get_feature_names_out(),
            "label": [names[i] for i in best],
            "n": n,
            "share": k / n,
            "expected": chance,
            "z": z[rows, best],
            "p": p,
        }
    )[tested]
    q = false_discovery_control(table.p) if len(table) else []
    return table.assign(q=q).sort_values(["q", "z"], ascending=[True, False], kind="stable", ignore_index=True)[columns]


def telling(table: "DataFrame") -> "DataFrame":
    return table[table.q < FALSE_DISCOVERIES]


def by_set(card: Card, sets: Mapping[str, Sequence[Row]]) -> "DataFrame":
    """The associations of every set: of whole examples with their labels, of choices with being right or wrong."""
    import pandas as pd

    found = []
    for name, rows in sets.items():
        texts, labels = zip(*(unit for row in rows for unit in units(card, row)), strict=True)
        found.append(associations(texts, labels).assign(set=name))
    return pd.concat([table for table in found if len(table)] or found[:1], ignore_index=True)


def units(card: Card, row: Row) -> list[tuple[str, str]]:
    """The texts of an example that have a label: all of it, or each of its choices."""
    if card.kind != "multiple_choice":
        return [(text_of(card, row), row["label"])]
    return [(choice, "right" if choice == row["label"] else "wrong") for choice in row["choices"]]


def is_trivial(card: Card, row: Row) -> bool:
    """Whether the words of the last field nearly all stand in one sentence of the first; never so with one field alone."""
    first, *_, last = [*card.fields, *card.fields]
    wanted = content(row[last])
    if first == last or not wanted:
        return False
    sentences = re.split(r"(?<=[.!?])\s+|(?<=[。！？])\s*", row[first])
    return max(len(wanted & content(sentence)) for sentence in sentences) >= MATCHING * len(wanted)


def content(text: str) -> set[str]:
    """The words of a text that carry its content, by their first letters, so that `bees` is `bee`."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return {singular(word)[:5] for word in words(text) if word not in ENGLISH_STOP_WORDS | AUXILIARY}


def singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def trivial_share(card: Card, sets: Mapping[str, Sequence[Row]]) -> "DataFrame":
    """The share of trivial examples in each set, with its 95% interval, in the columns of `guessing`; of one field alone none."""
    import pandas as pd

    rows = []
    for name, found in sets.items() if len(card.fields) > 1 else ():
        share, low, high = share_interval(sum(is_trivial(card, row) for row in found), len(found))
        chance = {"chance": float("nan"), "n": len(found)}
        rows.append({"set": name, "given": MATCHES, "accuracy": share, "low": low, "high": high} | chance)
    return pd.DataFrame(rows, columns=GUESSES)


def suspects(card: Card, rows: Sequence[Row]) -> dict[int, list[str]]:
    """The places of the examples that should be reworded, each with the telling words in what would be: its last field."""
    field = list(card.fields)[-1]
    table = telling(associations([row[field] for row in rows], [row["label"] for row in rows]))
    of_label: dict[str, list[str]] = {label: list(part.word) for label, part in table.groupby("label")}
    found = {}
    for number, row in enumerate(rows):
        own = set(words(row[field]))
        hints = [word for word in of_label.get(row["label"], []) if word in own]
        if hints or is_trivial(card, row):
            found[number] = hints
    return found


def guessing(card: Card, sets: Mapping[str, Sequence[Row]], embed: Callable[[list[str]], "np.ndarray"], seed: int) -> "DataFrame":
    """How well the label is told from each field alone and from all, inside each set; of multiple choice, the right one from the
    choices alone: accuracy of a logistic regression on embeddings, cross-validated, with its 95% interval, beside what the most
    frequent label, or any choice, would get."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name, found in sets.items():
        if card.kind == "multiple_choice":
            hits, chance = guessed_choices(found, embed, seed), sum(1 / len(row["choices"]) for row in found) / len(found)
            rows.append(guess(name, "choices alone", hits, len(found), chance))
            continue
        labels = [row["label"] for row in found]
        fewest = min(labels.count(label) for label in set(labels))
        if fewest < 2 or len(set(labels)) < 2:
            print(f"{name}: one label, or too few examples of one, to guess from parts of the input; left out.")
            continue
        chance = max(labels.count(label) for label in set(labels)) / len(labels)
        for part, fields in parts_of(card).items():
            vectors = embed(["\n".join(row[field] for field in fields) for row in found])
            rows.append(guess(name, part, guessed(vectors, labels, min(FOLDS, fewest), seed), len(found), chance))
    return pd.DataFrame(rows, columns=GUESSES)


def parts_of(card: Card) -> dict[str, list[str]]:
    """Each field alone, and all where there are several."""
    every = {"all fields": list(card.fields)} if len(card.fields) > 1 else {}
    return {name: [name] for name in card.fields} | every


def guess(name: str, part: str, hits: int, n: int, chance: float) -> dict[str, Any]:
    share, low, high = share_interval(hits, n)
    return {"set": name, "given": part, "accuracy": share, "low": low, "high": high, "chance": chance, "n": n}


def guessed_choices(rows: Sequence[Row], embed: Callable[[list[str]], "np.ndarray"], seed: int) -> int:
    """In how many questions the choice that looks most like a right one is right, to a regression that has not seen them."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    texts = [choice for row in rows for choice in row["choices"]]
    right = [choice == row["label"] for row in rows for choice in row["choices"]]
    question = np.repeat(np.arange(len(rows)), [len(row["choices"]) for row in rows])
    split = GroupKFold(min(FOLDS, len(rows)), shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=1000)
    looks = cross_val_predict(model, embed(texts), right, groups=question, cv=split, method="predict_proba")[:, 1]
    best = (np.flatnonzero(question == number)[looks[question == number].argmax()] for number in range(len(rows)))
    return sum(right[place] for place in best)


def guessed(vectors: "np.ndarray", labels: Sequence[str], folds: int, seed: int) -> int:
    """How many labels are told rightly by a regression that has not seen them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    told = cross_val_predict(LogisticRegression(max_iter=1000), vectors, labels, cv=split)
    return sum(one == other for one, other in zip(told, labels, strict=True))
