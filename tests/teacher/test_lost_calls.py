"""What is said of calls that brought nothing to use."""

from pathlib import Path

import pytest
from asking import requests, teacher_at
from endpoint import completion, serving

from lib.teacher.lost_calls import lost_calls, say_if_expensive


def test_each_reason_has_its_number_and_its_dollars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They add up to what the bill holds beside the usable replies."""
    replies = [(500, {}), completion("no"), completion("no"), completion("yes")]
    with serving(lambda body, number: replies[min(number, 3)]) as served:
        teacher = teacher_at(served.url, tmp_path, in_flight=1)
        answers = teacher.ask(requests(4), lambda text: None if text == "yes" else "not a yes")
    lost = lost_calls(answers).set_index("lost calls")
    assert lost.number.to_dict() == {"not a yes": 2, "500 from the endpoint": 1}
    assert lost.dollars["not a yes"] == pytest.approx(2 * 90e-6)
    assert lost.dollars["500 from the endpoint"] == 0
    say_if_expensive(answers)
    assert "33% of the money went to calls that brought nothing to use, most of it: not a yes." in capsys.readouterr().out


def test_a_cut_reply_has_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda body, number: completion("no", finish="length")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(1), lambda text: "not a yes")
    [remedy] = lost_calls(answers).remedy
    assert remedy == "max_tokens was 100: set it to 200"
    say_if_expensive(answers)
    assert "most of it: cut at max_tokens (max_tokens was 100: set it to 200)." in capsys.readouterr().out


def test_without_losses_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda body, number: completion("yes")) as served:
        answers = teacher_at(served.url, tmp_path).ask(requests(2))
    say_if_expensive(answers)
    assert capsys.readouterr().out == ""
    assert lost_calls(answers).empty
