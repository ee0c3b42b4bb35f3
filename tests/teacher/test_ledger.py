"""The store: a cap that holds, a reply that is never paid twice, and nothing lost to a kill or a full disk."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.pricing import Usage
from lib.teacher.ledger import STALE_SECONDS, Busy, OverCap, Reply, Store, _this_process

REPLY = Reply("text", None, Usage(5, 6), 30)


def kept(store: Store, key: str, worst: int = 100, reply: Reply = REPLY) -> None:
    assert store.reserve(key, worst) is None
    store.keep(key, reply, model="m", request={"messages": []}, seconds=0.1)


def test_a_reply_is_found_again_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "s.sqlite"
    kept(Store(path, "a"), "k")
    again = Store(path, "b")
    assert again.find("k") == REPLY
    assert again.reserve("k", 100) == REPLY
    assert again.find("other") is None
    assert (Store(path, "a").spent(), again.spent()) == (30, 0)


def test_a_reply_holds_any_text(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    reply = Reply("'; DROP TABLE replies; -- \x00 \u2028 \U0001f600", "it's", Usage(1, 2), 3)
    kept(store, "k", reply=reply)
    assert store.find("k") == reply


@pytest.mark.parametrize(("cap", "fits"), [(100, True), (99, False), (0, False), (None, True)])
def test_the_worst_case_must_fit_under_the_cap(tmp_path: Path, cap: int | None, fits: bool) -> None:
    store = Store(tmp_path / "s.sqlite", "a", cap=cap)
    if fits:
        assert store.reserve("k", 100) is None
    else:
        with pytest.raises(OverCap) as over:
            store.reserve("k", 100)
        assert not over.value.waiting


def test_what_is_reserved_counts_until_it_is_settled(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", "a", cap=150)
    store.reserve("k", 100)
    with pytest.raises(OverCap) as over:
        store.reserve("l", 100)
    assert over.value.waiting
    store.keep("k", REPLY, model="m", request={}, seconds=0.1)
    assert store.reserve("l", 100) is None


def test_a_failure_counts_what_it_may_have_cost(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", "a", cap=100)
    store.reserve("k", 60)
    store.fail("k", "timeout", unsure=60)
    assert store.failures_of("k") == [("timeout", 60)]
    assert (store.spent(), store.held()) == (60, 0)
    with pytest.raises(OverCap):
        store.reserve("k", 60)


def test_studies_share_replies_but_not_a_cap(tmp_path: Path) -> None:
    first, second = (Store(tmp_path / "s.sqlite", study, cap=100) for study in "ab")
    first.reserve("k", 100)
    second.reserve("l", 100)
    with pytest.raises(Busy):
        second.reserve("k", 0)


AMOUNTS = st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["keep", "fail", "hang"]), st.floats(0, 1)), max_size=20)


@settings(max_examples=40, deadline=None)
@given(AMOUNTS, st.integers(0, 200))
def test_no_order_of_events_passes_the_cap(events: list[tuple[int, str, float]], cap: int) -> None:
    with TemporaryDirectory() as folder:
        store = Store(f"{folder}/s.sqlite", "a", cap=cap)
        for number, (worst, event, part) in enumerate(events):
            try:
                store.reserve(str(number), worst)
            except OverCap:
                assert store.spent() + store.held() + worst > cap
                continue
            if event == "keep":
                store.keep(str(number), REPLY._replace(nanodollars=int(worst * part)), model="m", request={}, seconds=0.1)
            elif event == "fail":
                store.fail(str(number), "timeout", unsure=int(worst * part))
            assert store.spent() + store.held() <= cap
        store.close()


def in_process(code: str, path: Path, *more: str) -> "subprocess.Popen[str]":
    code = f"import os, sys; from lib.teacher.ledger import Store; store = Store(sys.argv[1], 'a', cap=1000); {code}"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), *more], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


def test_the_dead_are_buried_with_what_they_may_have_cost(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    in_process("store.reserve('k', 100); store.reserve('l', 50); os._exit(9)", path).communicate(timeout=30)
    store = Store(path, "a", cap=250)
    assert store.failures_of("k") == [("killed while in flight", 100)]
    assert (store.spent(), store.held()) == (150, 0)
    assert store.reserve("k", 100) is None
    with pytest.raises(OverCap):
        store.reserve("l", 100)


def test_a_store_that_was_open_before_the_death_sees_it_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", "a")
    with in_process("store.reserve('k', 100); print('held', flush=True); input(); os._exit(9)", store.path) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Busy):
            store.reserve("k", 100)
        other.communicate("\n", timeout=30)
    assert store.reserve("k", 100) is None
    assert store.failures_of("k") == [("killed while in flight", 100)]


@pytest.mark.parametrize(("silent", "dead"), [(0.0, False), (STALE_SECONDS / 2, False), (STALE_SECONDS * 2, True)])
def test_a_process_on_another_machine_lives_while_its_heart_beats(tmp_path: Path, silent: float, dead: bool) -> None:
    store = Store(tmp_path / "s.sqlite", "a")
    now = time.time()
    store.db.execute("INSERT INTO in_flight VALUES ('k', 'a', 100, 'elsewhere', 1, ?, ?)", (now, now - silent))
    if dead:
        assert store.reserve("k", 100) is None
        assert store.failures_of("k") == [("killed while in flight", 100)]
    else:
        with pytest.raises(Busy):
            store.reserve("k", 100)


def test_a_heartbeat_is_for_the_reservations_of_this_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", "a")
    store.reserve("k", 1)
    store.db.execute("UPDATE in_flight SET beat = 0")
    store.db.execute("INSERT INTO in_flight VALUES ('l', 'a', 1, 'elsewhere', 1, 0, 0)")
    store.beat()
    beats = dict(store.db.execute("SELECT key, beat FROM in_flight").fetchall())
    assert beats["l"] == 0
    assert time.time() - beats["k"] < 60


def test_a_process_id_that_was_given_anew_is_another_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", "a")
    host, pid, started = _this_process()
    store.db.execute("INSERT INTO in_flight VALUES ('k', 'a', 100, ?, ?, ?, ?)", (host, pid, started - 1000, time.time()))
    assert store.reserve("k", 100) is None


def test_what_this_process_gave_up_can_be_asked_again(tmp_path: Path) -> None:
    """As in a notebook: a cell is interrupted, its process lives on, and the cell is run again."""
    store = Store(tmp_path / "s.sqlite", "a")
    store.reserve("k", 100)
    store.let_go("k")
    assert Store(tmp_path / "s.sqlite", "a").reserve("k", 100) is None
    assert store.failures_of("k") == [("killed while in flight", 100)]


def test_many_processes_open_a_new_store_and_pay_one_cap(tmp_path: Path) -> None:
    """Four processes reserve and keep 40 requests at 60 each under a cap of 1000: 16 fit, whoever makes them."""
    code = (
        "from lib.core.pricing import Usage; from lib.teacher.ledger import *; input()\n"
        "for i in range(10):\n"
        "    try:\n"
        "        key = f'{sys.argv[2]}-{i}'; store.reserve(key, 60)\n"
        "        store.keep(key, Reply('', None, Usage(1, 1), 60), model='m', request={}, seconds=0.1)\n"
        "    except OverCap: pass"
    )
    path = tmp_path / "s.sqlite"
    others = [in_process(code, path, str(i)) for i in range(4)]
    for other in others:
        assert other.stdin
        other.stdin.write("\n")
        other.stdin.flush()
    assert [other.wait(60) for other in others] == [0] * 4
    store = Store(path, "a")
    count, paid = store.db.execute("SELECT COUNT(*), SUM(nanodollars) FROM replies").fetchone()
    assert store.spent() == paid
    assert 900 <= paid == 60 * count <= 1000


def test_a_full_disk_loses_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", "a")
    kept(store, "k")
    store.db.execute("PRAGMA max_page_count = 1")  # SQLite raises it to the pages that there are.
    long = REPLY._replace(text="x" * 100_000)
    store.reserve("l", 100)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.keep("l", long, model="m", request={}, seconds=0.1)
    other = Store(store.path, "a")
    assert other.find("k") == REPLY
    assert other.held() == 100
    store.db.execute("PRAGMA max_page_count = 1000000")
    store.keep("l", long, model="m", request={}, seconds=0.1)
    assert other.find("l") == long
    assert (other.spent(), other.held()) == (60, 0)


def test_processes_that_open_a_new_store_at_once_all_get_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from lib.teacher.ledger import Store\n"
        "while time.time() < float(sys.argv[2]): pass\n"
        "for i in range(40): Store(f'{sys.argv[1]}/{i}.sqlite').close()"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(time.time() + 1.5)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate(timeout=100)[1], process.returncode) for process in processes] == [("", 0)] * 3
