"""Two teachers as one: what continues a text goes to the first, what has to be answered to the second."""

from collections.abc import Callable, Sequence

from lib.teacher.client import Answer, Progress, Request, Teacher, accept_anything
from lib.teacher.ledger import Reply


class TwoTeachers(Teacher):
    """A base model that writes, and a model that answers. Each has its own prices and its own endpoint, and both one store, so
    that a cap holds for the two together."""

    def __init__(self, writer: Teacher, refiner: Teacher):
        super().__init__(f"{writer.model} + {refiner.model}", writer.price, pays=writer.pays or refiner.pays)
        self.writer, self.refiner = writer, refiner

    def _asked(self, request: Request) -> Teacher:
        return self.writer if request.completion else self.refiner

    async def fetch(self, request: Request) -> Reply | str:
        return await self._asked(request).fetch(request)

    def highest_cost(self, request: Request) -> int:
        return self._asked(request).highest_cost(request)

    def close(self) -> None:
        self.writer.close()
        self.refiner.close()

    def ask(
        self,
        requests: Sequence[Request],
        accept: Callable[[str], str | None] = accept_anything,
        title: str = "asking",
        progress: Progress | None = None,
    ) -> list[Answer]:
        """All of one call go to one of the two: a method writes and mends in turn."""
        [teacher] = {self._asked(request) for request in requests}
        return teacher.ask(requests, accept, title, progress)
