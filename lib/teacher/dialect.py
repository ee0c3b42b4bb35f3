"""What one endpoint takes of a call: servers and models differ in the fields that they know. What one refuses is left out, or
called otherwise, from then on."""

from typing import Any

from tqdm import tqdm

from lib.teacher.client import OPTIONAL, Request

_NAMES_OF = {"minItems": ("minItems", "min_items"), "response_format": ("response_format", "json_schema")}
"""What endpoints call an optional field when they refuse it, where that is not its name."""
_SAMPLING = ("temperature", "top_p")
"""Fields that are left out only where they are said to be unsupported: another refusal means their value."""
_LIMITS = ("max_tokens", "max_completion_tokens")
_UNKNOWN = ("support", "unrecognized", "unknown", "not permitted", "unexpected", "invalid_request_argument")
"""How endpoints say that they do not know a field."""


class Dialect:
    """The fields that an endpoint was found not to take, and what it calls the limit of a reply."""

    def __init__(self, model: str, *, openai_like: bool):
        self.model = model
        self.refused: set[str] = set()
        """The optional fields of a call that this endpoint does not take."""
        self.limit, self._limit_changed = _LIMITS[openai_like], False
        self.for_lines: dict[str, Any] = {}
        """What is sent besides where a text is continued without a schema. It is no part of what a reply is stored under."""
        self.takes_grammar = False

    def body(self, request: Request) -> dict[str, Any]:
        """The body of a call in this dialect."""
        body = request.body(self.model, self.refused, self.limit)
        if request.completion and not request.schema:
            body |= self.for_lines
        return body | {"grammar": request.grammar} if request.grammar and self.takes_grammar else body

    def adapt(self, message: str, sent: str) -> str | None:
        """What the next call does otherwise, after a refusal of the body that was sent; None if there is nothing to mend."""
        said = message.casefold()
        for name in OPTIONAL:
            if f'"{name}"' in sent and any(word.casefold() in said for word in _NAMES_OF.get(name, (name,))):
                if name in _SAMPLING and "support" not in said:
                    continue
                self._leave_out(name)
                return f"{name} is not taken here; asked without"
        return self._rename_limit(said, sent)

    def _leave_out(self, name: str) -> None:
        if name in _SAMPLING and name not in self.refused:
            tqdm.write(f"{self.model!r} takes no {name} here, so it is asked without: its replies vary as it chooses.")
        self.refused.add(name)

    def _rename_limit(self, said: str, sent: str) -> str | None:
        """Models that think take `max_completion_tokens`, older servers only `max_tokens`; the name changes once at most."""
        if "max_completion_tokens" not in said or not any(word in said for word in _UNKNOWN):
            return None
        used = [name for name in _LIMITS if f'"{name}"' in sent]
        if used == [self.limit]:
            if self._limit_changed:
                return None
            self.limit, self._limit_changed = next(name for name in _LIMITS if name != self.limit), True
        return f"asked with {self.limit}"
