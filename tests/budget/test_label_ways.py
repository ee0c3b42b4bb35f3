"""Ways of labeling the same texts, side by side: what each costs, agrees with and teaches."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lib.budget.comparison import teacher_student_pairs
from lib.budget.label_ways import label_ways
from lib.core.mixes import NONE
from lib.core.set_names import SetName

STEPS, ONE = (SetName("", labels_by=way) for way in ("three_steps", "one_step"))
BILL = {
    "requests": 30,
    "replies": 31,
    "tokens_in": 9000,
    "tokens_out": 1200,
    "dollars": 4.5,
    "unsure_dollars": 0.0,
    "problems": {},
}


def labels_of(folder: Path, name: SetName, split: str = "train", **more: Any) -> str:
    """Labels as 02 saves them, by hand."""
    path = folder / f"{name.labels_by}_{split}.parquet"
    made: dict[str, Any] = {
        "parameters": {"method": name.labels_by, "split": split},
        "set": name.fields(),
        "bill": BILL,
        "rows": 8,
    }
    made |= {"task": "t", "score": 0.9, "metric": "f1", "n": 10} | more
    path.with_suffix(".json").write_text(json.dumps(made))
    return str(path)


def scores(*mixes: tuple[str, int, int, float]) -> pd.DataFrame:
    rows = [
        {"task": "t", "method": method, "n_human": n_human, "n_synthetic": n, "seed": seed, "score": score + 0.01 * seed}
        for method, n_human, n, score in mixes for seed in (1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


TABLE = scores((NONE, 8, 0, 0.5), (STEPS.key, 0, 4, 0.3), (STEPS.key, 0, 8, 0.4), (ONE.key, 0, 4, 0.2), (ONE.key, 8, 4, 0.9))


def test_each_way_has_its_bill_its_agreement_and_its_students(tmp_path: Path) -> None:
    files = [labels_of(tmp_path, STEPS), labels_of(tmp_path, ONE, score=0.8, bill=BILL | {"requests": 10, "dollars": 2.0})]
    found = label_ways(TABLE, files).set_index("way")
    assert found.loc["three_steps", ["texts", "labeled", "requests", "dollars", "agreement"]].tolist() == [10, 8, 30, 4.5, 0.9]
    assert found.loc["one_step", ["requests", "dollars", "agreement"]].tolist() == [10, 2.0, 0.8]
    assert found.student.tolist() == [pytest.approx(0.315), pytest.approx(0.215)]  # Of 4 labels, which both have.
    assert set(found.n) == {4}
    assert (found.low < found.student).all()


def test_labels_of_a_test_set_are_no_way_and_those_to_learn_from_no_score_of_the_teacher(tmp_path: Path) -> None:
    train, test = labels_of(tmp_path, STEPS), labels_of(tmp_path, STEPS, "test", teacher="m")
    assert label_ways(TABLE, [test]).empty
    written = pd.concat([TABLE, scores(("few_shot", 0, 4, 0.7))])
    pairs = teacher_student_pairs(written, [train, test])
    assert pairs[["labels_by", "method"]].to_numpy().tolist() == [["three_steps", "few_shot"]]


def test_ways_without_students_of_one_size_have_their_bills_all_the_same(tmp_path: Path) -> None:
    found = label_ways(TABLE[TABLE.method != ONE.key], [labels_of(tmp_path, STEPS), labels_of(tmp_path, ONE)])
    assert found.dollars.tolist() == [4.5, 4.5]
    assert found.student.isna().all()
