"""The store knows whose reply it is: other weights or another address under the same model name are asked anew."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asking import prompt, requests, rows, teacher_at
from endpoint import Served, completion, serving

from lib.core import paths
from lib.core.pricing import Usage
from lib.teacher.backends import open_teacher
from lib.teacher.identity import identity
from lib.teacher.ledger import Reply, Store


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(paths, "ROOT", tmp_path)


def llama_cpp(file: str, size: int = 10) -> dict[str, Any]:
    meta = {"vocab_type": 2, "n_vocab": 5, "n_params": 7, "size": size}
    entry = {"id": "any", "object": "model", "created": 1, "owned_by": "llamacpp", "meta": meta}
    return {"/v1/models": {"object": "list", "data": [entry]}, "/props": {"model_path": file, "total_slots": 4}}


def vllm(root: str) -> dict[str, Any]:
    return {"/v1/models": {"data": [{"id": "other", "root": "no"}, {"id": "m", "root": root, "owned_by": "vllm", "created": 9}]}}


def texts(folder: Path, about: dict[str, Any], text: str) -> tuple[list[str | None], Served]:
    """What a teacher named m is answered by a server that says this of itself; each server has a port of its own."""
    with serving(lambda body, number: completion(text)) as served:
        served.about = about
        return [answer.text for answer in teacher_at(served.url, folder).ask(requests(3))], served


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (llama_cpp("/models/smol.gguf"), llama_cpp("/elsewhere/smol.gguf"), True),
        (llama_cpp("/models/smol.gguf"), llama_cpp("/models/gemma.gguf"), False),
        (llama_cpp("/models/smol.gguf"), llama_cpp("/models/smol.gguf", size=11), False),
        (vllm("org/model-7b"), vllm("org/model-7b"), True),
        (vllm("org/model-7b"), vllm("org/model-8b"), False),
        ({}, {}, False),
        ({"/v1/models": [1]}, {"/v1/models": {"data": [None, {"id": 5}, {}]}}, False),
    ],
)
def test_only_the_same_weights_are_not_asked_anew(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], same: bool
) -> None:
    assert texts(tmp_path, first, "first")[0] == ["first"] * 3
    found, served = texts(tmp_path, second, "second")
    assert found == ["first" if same else "second"] * 3
    assert len(served.times) == (0 if same else 3)


def test_both_servers_replies_stay(tmp_path: Path) -> None:
    for _ in range(2):
        for name in ("smol", "gemma"):
            assert texts(tmp_path, llama_cpp(f"{name}.gguf"), name)[0] == [name] * 3
    assert rows(tmp_path, "SELECT model, COUNT(*) FROM replies GROUP BY model") == [
        ("m at gemma.gguf n_params=7 size=10", 3),
        ("m at smol.gguf n_params=7 size=10", 3),
    ]


def test_replies_of_before_are_kept_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "t.sqlite", "s")
    for request in requests(2):
        store.reserve(request.key("m"), 0)
        store.keep(request.key("m"), Reply("old", None, Usage(1, 1), 5), model="m", request=vars(request), seconds=0.1)
    found, served = texts(tmp_path, {}, "new")
    assert found == ["old", "old", "new"]
    assert [prompt(body) for body in served.bodies] == ["prompt 2"]
    assert "2 replies are stored without their server" in capsys.readouterr().out


def test_a_server_that_says_nothing_is_known_by_its_address() -> None:
    async def silent(url: str) -> None:
        return None

    for url, known in {
        "http://user:secret@Host:81/v1/": "host:81/v1",
        "https://api.openai.com/v1": None,
        None: None,
    }.items():
        assert asyncio.run(identity(url, "m", silent)) == known


def test_a_server_on_another_host_shares_the_replies_of_its_weights(tmp_path: Path) -> None:
    """As when a cluster gives each job another host: the weights are the same, and nothing is asked anew."""
    free = {"m": {"input": 0, "output": 0}}
    with serving(lambda body, n: completion("a")) as one, serving(lambda body, n: completion("b")) as two:
        for served in (one, two):
            served.about = vllm("org/model")
            open_teacher("m", base_url=served.url, token_prices=free, store=tmp_path / "t.sqlite").ask(requests(4))
    assert (len(one.times), len(two.times)) == (4, 0)
