"""An endpoint that answers as no endpoint should, and a key that must be seen nowhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import PRICES, problems, prompt, requests, rows, teacher_at
from endpoint import completion, serving

from lib.core import paths
from lib.teacher import endpoint
from lib.teacher.backends import open_teacher, teacher_price
from lib.teacher.client import Bill, TeacherError

KEY = "sk-verysecret-0123456789"
PAGE = b"<!DOCTYPE html><html><head><style>a {b: c}</style><script>alert(1)</script></head><body><h1>Sign in</h1></body></html>"


@pytest.fixture(autouse=True)
def _with_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(endpoint.Endpoint, "pause", lambda self, failure, failures: 0.01)


def files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


# ---- redirects ----


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_said_and_not_followed(tmp_path: Path, status: int) -> None:
    with serving(lambda body, n: completion("stolen")) as thief:
        to = {"location": f"{thief.url}/chat/completions?{KEY}"}
        said = r"redirects to http://\S+: if that is right, name it as the address"
        with serving(lambda body, n: (status, b"", to)) as served, pytest.raises(TeacherError, match=said) as error:
            teacher_at(served.url, tmp_path).ask(requests(3))
    assert not thief.times
    assert KEY not in str(error.value)
    assert KEY.encode() not in files(tmp_path)


# ---- pages in place of JSON ----


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_page_that_refuses_is_said_without_its_tags(tmp_path: Path, status: int) -> None:
    with serving(lambda body, n: (status, PAGE)) as served, pytest.raises(TeacherError, match="refuses model 'm': ") as error:
        teacher_at(served.url, tmp_path).ask(requests(3))
    assert str(status) in str(error.value) or "Sign in" in str(error.value)
    assert "<" not in str(error.value)


@pytest.mark.parametrize("status", [400, 405, 413, 422, 500, 502, 503, 504])
def test_a_page_that_fails_is_counted_without_its_tags(tmp_path: Path, status: int) -> None:
    with serving(lambda body, n: (status, PAGE) if prompt(body) == "prompt 1" else completion("reply")) as served:
        answers = teacher_at(served.url, tmp_path, retries=1).ask(requests(3))
    assert [bool(problem) for problem in problems(answers)] == [False, True, False]
    assert str(answers[1].problem).startswith(str(status))
    assert "<" not in str(Bill().add(answers).problems)


# ---- bytes ----


def whole(payload: bytes, length: int | None = None) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(payload) if length is None else length) + payload


GOOD = json.dumps(completion("reply")).encode()
ODD: dict[str, tuple[bytes, str | None]] = {
    "invalid UTF-8": (whole(GOOD.replace(b"reply", b"re\xff\xfeply")), None),
    "a byte order mark": (whole(b"\xef\xbb\xbf" + GOOD), None),
    "UTF-16": (whole(GOOD.decode().encode("utf-16")), "truncated JSON"),
    "a length that is too short": (whole(GOOD, len(GOOD) - 9), "truncated JSON"),
    "a length that is negative": (whole(GOOD, -5), "connection lost"),
    "no HTTP": (b"220 smtp.example.org ESMTP\r\n\r\n", "connection lost"),
    "deep nesting": (whole(b"[" * 200_000), "truncated JSON"),
    "two replies at once": (whole(GOOD) + whole(GOOD.replace(b"reply", b"other")), None),
    "huge numbers": (whole(GOOD.replace(b"50", b"9" * 5000)), "truncated JSON"),
}


@pytest.mark.parametrize(("payload", "problem"), ODD.values(), ids=ODD)
def test_odd_bytes_cost_their_own_row_at_most(tmp_path: Path, payload: bytes, problem: str | None) -> None:
    async def send() -> Any:
        yield payload

    with serving(lambda body, n: send() if prompt(body) == "prompt 1" else completion(prompt(body))) as served:
        answers = teacher_at(served.url, tmp_path, retries=1, timeout=5).ask(requests(8))
    others = [answer for number, answer in enumerate(answers) if number != 1]
    assert [answer.text for answer in others] == [prompt({"messages": answer.request.messages}) for answer in others]
    assert answers[1].problem == problem or (problem == "truncated JSON" and answers[1].problem == "connection lost")
    assert rows(tmp_path, "SELECT COUNT(*) FROM in_flight") == [(0,)]


def test_a_length_that_is_too_long_is_given_up_in_time(tmp_path: Path) -> None:
    async def send() -> Any:
        yield whole(GOOD, len(GOOD) + 9)

    with serving(lambda body, n: send() if prompt(body) == "prompt 1" else completion("reply")) as served:
        answers = teacher_at(served.url, tmp_path, retries=1, timeout=0.5).ask(requests(3))
    assert problems(answers) == [None, "timeout", None]


# ---- secrets ----


@pytest.mark.parametrize("key", [KEY + "\n", f" {KEY}\r\n"])
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_line_break_at_the_end_of_a_key_is_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, key: str
) -> None:
    if place == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", key)
    else:
        monkeypatch.delenv("OPENAI_API_KEY")
        (tmp_path / ".env").write_text(f'OPENAI_API_KEY="{key}"\n')
    with serving(lambda body, n: completion("reply")) as served:
        teacher_at(served.url, tmp_path / "store").ask(requests(1))
    assert served.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"{KEY} {KEY}", f"{KEY}\u2014", f"{KEY}\x00"[:-1] + "\x7f"])
def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ValueError, match="^OPENAI_API_KEY holds .*: copy it again") as error:
        teacher_at("http://127.0.0.1:9/v1", tmp_path)
    assert KEY not in str(error.value)


ADDRESSES = [f"http://user:{KEY}@127.0.0.1:9/v1", f"http://{KEY}@127.0.0.1:9/v1", f"http://127.0.0.1:9/v1?api_key={KEY}"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("place", ["parameter", "environment"])
def test_an_address_with_a_key_in_it_is_refused_without_repeating_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, place: str
) -> None:
    if place == "environment":
        monkeypatch.setenv("OPENAI_BASE_URL", address)
    for ask in (
        lambda: open_teacher("m", budget=1, token_prices=PRICES, base_url=address if place == "parameter" else None),
        lambda: teacher_price("m", PRICES, address),  # As a dry run asks.
    ):
        with pytest.raises(ValueError, match="^The endpoint's address .* holds a name, password or key") as error:
            ask()
        assert KEY not in str(error.value)


def test_a_reply_that_repeats_the_key_is_stored_without_it(tmp_path: Path) -> None:
    with serving(lambda body, n: completion(f"You sent Bearer {KEY}.")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(2))
    assert [answer.text for answer in answers] == ["You sent Bearer [key]."] * 2
    assert KEY.encode() not in files(tmp_path)


@pytest.mark.parametrize("answer", [(500, KEY.encode()), (400, {"error": {"message": KEY}}), (401, KEY.encode())])
def test_no_error_holds_the_key(tmp_path: Path, answer: Any, capfd: pytest.CaptureFixture[str]) -> None:
    import traceback

    with serving(lambda body, n: answer) as served:
        try:
            said = str(Bill().add(teacher_at(served.url, tmp_path, retries=0).ask(requests(2))).problems)
        except TeacherError as error:
            said = "".join(traceback.format_exception(error))
    assert KEY not in said + "".join(capfd.readouterr())
    assert KEY.encode() not in files(tmp_path)
