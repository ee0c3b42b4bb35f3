"""How lines can go on. That llama.cpp keeps to it is shown in test_local.py."""

import json

from lib.teacher.client import Request
from lib.teacher.dialect import Dialect
from lib.teacher.line_grammar import rest_of_line

PROMPT = [{"role": "user", "content": '{"label": "kind", "text":'}]


def test_texts_have_their_fewest_characters_and_labels_are_written_out() -> None:
    [root, character] = rest_of_line({"text": 12, "label": ["kind", 'a "b"']}).splitlines()
    labels = [json.dumps(json.dumps(label)) for label in ("kind", 'a "b"')]
    colon = json.dumps(', "label":')
    assert root == f'root ::= " "? "\\"" character{{12,}} "\\"" {colon} " "? ({" | ".join(labels)}) "}}"'
    assert character.startswith("character ::= ")


def test_a_text_has_one_character_at_least_and_is_held_to_no_novel() -> None:
    assert "character{1,}" in rest_of_line({"text": 0})
    assert "character{200,}" in rest_of_line({"text": 5000})


def test_a_grammar_is_for_llama_cpp_alone_and_no_part_of_the_key() -> None:
    request = Request(PROMPT, stop="\n", grammar=rest_of_line({"text": 12}))
    assert request.key("m") == Request(PROMPT, stop="\n").key("m")
    dialect = Dialect("m", openai_like=True)
    assert "grammar" not in dialect.body(request)
    dialect.takes_grammar = True
    assert dialect.body(request)["grammar"] == request.grammar
    assert "grammar" not in dialect.body(Request(PROMPT, stop="\n"))
