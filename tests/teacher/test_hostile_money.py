"""Attempts to make a study pay twice, pay more than its cap, or lose what it paid for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from asking import COST, PRICES, problems, requests, rows, teacher_at, total
from endpoint import completion, serving

from lib.core.pricing import Usage, dollars
from lib.teacher.backends import open_teacher
from lib.teacher.client import OVER_CAP, TeacherError
from lib.teacher.ledger import Busy, Reply, Store

WORST = 1000 * requests(1)[0].worst().input + 2000 * 100


def test_a_budget_that_is_lowered_pays_nothing_more_and_keeps_what_is_stored(tmp_path: Path) -> None:
    with serving(lambda body, n: completion("reply")) as served:
        teacher_at(served.url, tmp_path, budget=1.0).ask(requests(10))
        answers = teacher_at(served.url, tmp_path, budget=dollars(3 * COST)).ask(requests(12))
        assert len(served.times) == 10
    assert problems(answers) == [None] * 10 + [OVER_CAP] * 2


def test_an_endpoint_that_ignores_max_tokens_passes_the_cap_by_the_calls_in_flight_only(tmp_path: Path) -> None:
    long = {"prompt_tokens": 50, "completion_tokens": 5000, "total_tokens": 5050}
    cap = 10 * WORST
    with serving(lambda body, n: completion("x", usage=long), delay=0.01) as served:
        answers = teacher_at(served.url, tmp_path, budget=dollars(cap), in_flight=3).ask(requests(50))
        assert len(served.times) <= 3
    assert OVER_CAP in problems(answers)


def test_a_clock_that_jumps_makes_no_process_look_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of a process in seconds since 1970 moves with the clock, as the start of the machine does."""
    code = (
        "import sys; from lib.teacher.ledger import Store; Store(sys.argv[1], 'a').reserve('k', 100); print('held', flush=True)\n"
        "input()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        boot, create = psutil.boot_time(), psutil.Process.create_time
        monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
        monkeypatch.setattr(psutil.Process, "create_time", lambda process: create(process) + 3600)
        with pytest.raises(Busy):
            Store(tmp_path / "s.sqlite", "a").reserve("k", 100)
        other.communicate("\n", timeout=30)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_log_of_the_store_loses_its_end_only(tmp_path: Path, part: float) -> None:
    code = (
        "import os, sys; from lib.core.pricing import Usage; from lib.teacher.ledger import *\n"
        "store = Store(sys.argv[1], 'a')\n"
        "for i in range(40):\n"
        "    store.reserve(str(i), 9); store.keep(str(i), Reply('x' * 500, None, Usage(1, 1), 5), model='m', request={}, seconds=0.1)\n"
        "os._exit(9)"
    )
    path = tmp_path / "t.sqlite"
    subprocess.run([sys.executable, "-c", code, str(path)], timeout=60, check=False)
    log = tmp_path / "t.sqlite-wal"
    os.truncate(log, int(log.stat().st_size * part))
    store = Store(path, "a")
    assert store.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = [store.find(str(i)) is not None for i in range(40)]
    assert kept == sorted(kept, reverse=True)
    assert store.spent() == 5 * sum(kept) + 9 * len(rows(tmp_path, "SELECT 1 FROM failures"))
    assert store.reserve("39", 9) is None or kept[39]


@pytest.mark.parametrize("content", [b"id,text\n1,hello\n" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.sqlite"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged, or no store of replies .*: move it away, or name another `store`") as error:
        Store(path)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == content


def test_half_a_call_under_way_when_a_budget_ends_is_not_paid_twice(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.sqlite", "s", cap=WORST)
    store.reserve("k", WORST)
    store.keep("k", Reply("x", None, Usage(1, 1), WORST), model="m", request={}, seconds=0.1)
    store.keep("k", Reply("y", None, Usage(1, 1), WORST), model="m", request={}, seconds=0.1)  # As from another host.
    assert store.find("k") == Reply("x", None, Usage(1, 1), WORST)
    assert store.spent() == 2 * WORST  # Both were billed.


# ---- batch files ----


def batch(folder: Path) -> Any:
    return open_teacher("batch:m", study="s", budget=1, token_prices=PRICES, store=folder / "t.sqlite", batches=folder)


def input_file(folder: Path, n: int = 3) -> tuple[Path, list[dict[str, Any]]]:
    with pytest.raises(TeacherError, match="requests wait in"):
        batch(folder).ask(requests(n), title="first")
    [file] = folder.glob("*.input.jsonl")
    return file, [json.loads(line) for line in file.read_text().splitlines()]


def output(row: dict[str, Any], **body: Any) -> str:
    return json.dumps({"custom_id": row["custom_id"], "response": {"status_code": 200, "body": completion("good") | body}})


def test_a_doubled_output_is_paid_once(tmp_path: Path) -> None:
    _, lines = input_file(tmp_path)
    for name in ("1", "1 (copy)"):
        (tmp_path / f"{name}.output.jsonl").write_text("\n".join([output(row) for row in lines] * 2))
    assert problems(batch(tmp_path).ask(requests(3))) == [None] * 3
    assert total(tmp_path, "spent") == 3 * COST


def test_answers_of_another_model_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = input_file(tmp_path)
    models = ["m-2026-01-01", "other", None]
    (tmp_path / "1.output.jsonl").write_text("\n".join(output(row, model=name) for row, name in zip(lines, models, strict=True)))
    batch(tmp_path).ask(requests(3))
    assert "The batch answers for 'm' say that they are by 'other'." in capsys.readouterr().out


@pytest.mark.parametrize("line", ["{", "[]", '{"custom_id": "x"}', '{"custom_id": "x", "body": {"messages": []}}'])
def test_an_input_that_was_broken_by_hand_is_named(tmp_path: Path, line: str) -> None:
    file, _ = input_file(tmp_path)
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(ValueError, match="first.input.jsonl, line 4: not a line of a batch input file; delete the file if"):
        batch(tmp_path).ask(requests(6)[3:], title="second")


def test_an_input_may_name_its_limit_as_newer_models_do(tmp_path: Path) -> None:
    file, lines = input_file(tmp_path)
    for row in lines:
        row["body"]["max_completion_tokens"] = row["body"].pop("max_tokens")
    file.write_text("".join(json.dumps(row) + "\n" for row in lines))
    with pytest.raises(TeacherError, match="3 requests wait in"):
        batch(tmp_path).ask(requests(6)[3:], title="second")
