"""How a JSON line can go on, as a grammar of llama.cpp: a small model that writes freely breaks the form of one line in
twelve, or ends a text after three words."""

import json
from collections.abc import Mapping, Sequence

_LONGEST_MINIMUM = 200
"""Characters that a text can be held to: each makes the grammar longer."""
_CHARACTER = r"""character ::= [^"\\\x00-\x1F\x7F] | "\\" ["\\/bfnrt]"""


def rest_of_line(fields: Mapping[str, int | Sequence[str]]) -> str:
    """The grammar of what follows the name of the first field: of each field the fewest characters that its text may have, or
    all the values that it can have."""
    values = [_value(can_be) for can_be in fields.values()]
    names = ["", *(_literal(f", {json.dumps(name, ensure_ascii=False)}:") for name in [*fields][1:])]
    parts = " ".join(f'{name} " "? {value}' for name, value in zip(names, values, strict=True))
    return f'root ::={parts} "}}"\n{_CHARACTER}\n'


def _value(can_be: int | Sequence[str]) -> str:
    if isinstance(can_be, int):
        return f'"\\"" character{{{max(1, min(can_be, _LONGEST_MINIMUM))},}} "\\""'
    return "(" + " | ".join(_literal(json.dumps(value, ensure_ascii=False)) for value in can_be) + ")"


def _literal(text: str) -> str:
    """A text as a grammar writes it down."""
    return json.dumps(text, ensure_ascii=False)
