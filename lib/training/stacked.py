"""Students of labels or choices that train side by side on one device: their weights are stacked, and one step is a step of all.

Each student has a slot with weights, moments of AdamW, number of the step, learning rate, batches and dropout of its own, and
leaves it to the next one when it has finished. What a student draws (head, batches, dropout) depends on its seed alone.
"""

import gc
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lib.training.adapters import new_adapters
from lib.training.heads import new_head
from lib.training.stacked_encoder import StackedEncoder, StackedWeights, linear, weights_of
from lib.training.student import WEIGHT_DECAY, Pool, answers_of_examples, batches_of, padded, precision, steps_of, tokens_in
from lib.training.tokenization import Item, LabelReader

_MOST_SLOTS = 32
"""Slots beyond which a GPU trains no more students a second (benchmarks/README.md)."""
_TOKENS_AT_ONCE = 2**17
"""Tokens of all students in a batch when nothing is trained."""
_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class Job(NamedTuple):
    """One student: the examples that it learns from, those that choose its best epoch, and its seed."""

    chosen: Sequence[int]
    dev: Sequence[int]
    seed: int


def stacks(pool: Pool) -> bool:
    """Whether students of this pool can train side by side: those of labels and choices, by an encoder like BERT or RoBERTa."""
    if pool.probes or not isinstance(pool.reader, LabelReader):
        return False
    try:
        agrees = _agrees(StackedEncoder(pool.upper), pool)
    except (AttributeError, KeyError, ValueError):
        agrees = False
    if not agrees:
        print(f"{pool.recipe.encoder} is not laid out as BERT and RoBERTa are: its students train one after another.")
    return agrees


def slots_for(pool: Pool, runs: int) -> int:
    """How many of so many students train at once: at most as many as fit into the free memory of a GPU."""
    most = min(runs, pool.recipe.slots or _MOST_SLOTS)
    if pool.device != "cpu":
        unused = torch.cuda.memory_reserved(pool.device) - torch.cuda.memory_allocated(pool.device)
        free = torch.cuda.mem_get_info(pool.device)[0] + unused
        most = min(most, max(1, int(0.8 * free / _bytes_of_a_slot(pool))))
    # As many in each round as in the last one.
    return -(-runs // -(-runs // most))


def train_stacked(pool: Pool, jobs: Sequence[Job], *, tested: Sequence[int], slots: int) -> Iterator[tuple[int, list[Any], int]]:
    """The number of each job when it has finished, its answers to the `tested` examples, and how many students trained at once.

    Where memory runs out, those that were training begin again, half as many at once.
    """
    missing = dict(enumerate(jobs))
    while missing:
        try:
            for number, answers in _Stack(pool, slots, missing).train(tested):
                del missing[number]
                yield number, answers, slots
        except RuntimeError as error:
            # An error in the middle of a recording hides behind that of the recording's end.
            if slots == 1 or not any(isinstance(one, torch.OutOfMemoryError) for one in (error, error.__context__)):
                raise
            slots = slots // 2
            print(f"The GPU has too little memory for {2 * slots} students at once; going on with {slots}.")
        gc.collect()
        torch.cuda.empty_cache()


@dataclass
class _Slot:
    """A student in training: the tokens in the longest piece of each batch, which steps end a part, how far it is."""

    number: int
    job: Job
    longest: list[int]
    ends: list[bool]
    done: int = 0
    best: tuple[float, dict[str, Tensor]] = field(default_factory=lambda: (float("-inf"), {}))

    @property
    def finished(self) -> bool:
        return self.done == len(self.longest)

    def steps_to_end_of_part(self) -> int:
        return self.ends.index(True, self.done) + 1 - self.done


class _Stack:
    """The students in training, and what a step of all of them works on; all of it on the device."""

    def __init__(self, pool: Pool, slots: int, jobs: Mapping[int, Job]):
        self.pool, self.slots, self.device = pool, slots, pool.device
        self.dtype = torch.bfloat16 if precision(pool.device) == "bfloat16" else torch.float32
        self.encoder = StackedEncoder(pool.upper)
        self.waiting = deque(sorted(jobs.items(), key=lambda job: -_steps(pool, job[1])))
        self.hand: dict[int, _Slot] = {}
        self.choices = max(len(item.pieces) for item in pool.items(range(len(pool.examples))))
        self._lay_out_pool()
        self._make_weights()
        self._make_plans(max(_steps(pool, job) for job in jobs.values()))
        self.graphs: dict[int, Any] = {}
        self.seen: dict[int, int] = {}
        self.aside: Any = None if self.device == "cpu" else torch.cuda.Stream(self.device)

    # ---- what is laid out once ----

    def _lay_out_pool(self) -> None:
        self.data, starts = self.pool.data.to(self.device), torch.tensor(self.pool.starts, device=self.device)
        self.starts, self.lengths = starts[:-1], starts[1:] - starts[:-1]

    def _make_weights(self) -> None:
        """A row for each slot of every weight that trains, and of its moments; one for all of what stays as it is."""
        pretrained = {name: weight.to(self.device) for name, weight in weights_of(self.pool.upper).items()}
        self.shared: dict[str, Tensor] = {}
        if self.pool.recipe.lora_rank:
            self.shared = {name: self._for_all(name, weight) for name, weight in pretrained.items()}
        self.pretrained = {} if self.shared else pretrained
        shapes = {name: weight.shape for name, weight in (self.pretrained | self._new_weights()).items()}
        self.trained = {name: self._zeros(*shape).requires_grad_() for name, shape in shapes.items()}
        self.weights = self.shared | self.trained
        self.first = [self._zeros(*shape) for shape in shapes.values()]
        self.second = [self._zeros(*shape) for shape in shapes.values()]
        rows = [list(zip(*map(list, map(Tensor.unbind, part)), strict=True)) for part in self._state()]
        self.rows = [tuple(map(list, parts)) for parts in zip(*rows, strict=True)]

    def _for_all(self, name: str, weight: Tensor) -> Tensor:
        """One weight for all slots, in the type that layers compute in."""
        cast = weight if name.startswith("embeddings.") else weight.to(self.dtype)
        return cast[None].expand(self.slots, *weight.shape)

    def _new_weights(self) -> dict[str, Tensor]:
        """What a student begins with beside what is pretrained: its head, and its adapters if it has any."""
        weights = {f"head.{name}": weight for name, weight in weights_of(new_head(self.pool.reader, self.pool.size)).items()}
        return weights | (new_adapters(self.pool.upper, self.pool.recipe.lora_rank) if self.pool.recipe.lora_rank else {})

    def _state(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        return [weight.detach() for weight in self.trained.values()], self.first, self.second

    def _make_plans(self, steps: int) -> None:
        """Which pieces each slot learns from at which step, with the right answers; -1 where there is none."""
        size = self.pool.recipe.batch_size
        self.pieces = torch.full((self.slots, steps, size * self.choices), -1, device=self.device)
        self.targets = torch.full((self.slots, steps, size), -1, device=self.device)
        self.at, self.steps = torch.zeros(2, self.slots, dtype=torch.long, device=self.device)
        self.every = torch.arange(self.slots, device=self.device)
        self.generators = [torch.Generator(self.device) for _ in range(self.slots)]
        self.kept_values = self._zeros(
            self.encoder.dropouts * size * self.choices * self._most_tokens() * self.encoder.size, dtype=self.dtype
        )

    def _most_tokens(self) -> int:
        return self._padded(max(map(tokens_in, self.pool.items(range(len(self.pool.examples))))))

    def _padded(self, tokens: int) -> int:
        return min(_padded_length(tokens), self.pool.longest)

    def _zeros(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(self.slots, *shape, dtype=dtype, device=self.device)

    # ---- the course of a training ----

    def train(self, tested: Sequence[int]) -> Iterator[tuple[int, list[Any]]]:
        """The number of each job with its answers, as they finish."""
        for slot in range(min(self.slots, len(self.waiting))):
            self._begin(slot)
        while self.hand:
            for _ in range(min(student.steps_to_end_of_part() for student in self.hand.values())):
                self._step(self._padded(max(student.longest[student.done] for student in self.hand.values())))
                for student in self.hand.values():
                    student.done += 1
            self._keep_the_best()
            finished = [slot for slot, student in self.hand.items() if student.finished]
            answers = self._answers(finished, [tested] * len(finished))
            for slot, given in zip(finished, answers, strict=True):
                yield self.hand.pop(slot).number, given
                if self.waiting:
                    self._begin(slot)

    def _begin(self, slot: int) -> None:
        """Puts the next student into a slot: pretrained layers, a new head, and all its batches, drawn by its seed."""
        number, job = self.waiting.popleft()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(job.seed)
            new = self.pretrained | self._new_weights()
            batches = list(batches_of(self.pool.items(job.chosen), self.pool.recipe))
        with torch.no_grad():
            for name, weights in self.trained.items():
                weights[slot].copy_(new[name])
            for moments in (*self.first, *self.second):
                moments[slot].zero_()
        self._plan(slot, [batch for batch, _ in batches])
        self.generators[slot].manual_seed(job.seed)
        longest = [max(map(tokens_in, batch)) for batch, _ in batches]
        self.hand[slot] = _Slot(number, job, longest, [ends for _, ends in batches])

    def _plan(self, slot: int, batches: Sequence[Sequence[Item]]) -> None:
        pieces, targets = (torch.full_like(plan[slot], -1, device="cpu") for plan in (self.pieces, self.targets))
        for step, batch in enumerate(batches):
            pieces[step, : len(batch) * self.choices] = torch.tensor(self._pieces_of(batch)).flatten()
            targets[step, : len(batch)] = torch.tensor([item.target for item in batch])
        self.pieces[slot], self.targets[slot] = pieces, targets
        self.at[slot], self.steps[slot] = 0, len(batches)

    def _pieces_of(self, items: Sequence[Item]) -> list[list[int]]:
        """The numbers of each item's pieces, as many for each; -1 behind the last of those with fewer."""
        numbers = []
        for item in items:
            own = list(range(item.first, item.first + len(item.pieces)))
            numbers.append(own + [-1] * (self.choices - len(own)))
        return numbers

    def _keep_the_best(self) -> None:
        """Scores the students that choose by dev examples and have ended a part; in the end each gets its best weights back."""
        ended = {slot: student for slot, student in self.hand.items() if student.job.dev and student.ends[student.done - 1]}
        answers = self._answers(list(ended), [student.job.dev for student in ended.values()])
        for (slot, student), given in zip(ended.items(), answers, strict=True):
            score = self._dev_score(student.job.dev, given)
            if score > student.best[0]:
                student.best = score, {name: weights[slot].detach().clone() for name, weights in self.trained.items()}
            if student.finished:
                for name, weights in self.trained.items():
                    weights.data[slot].copy_(student.best[1][name])

    def _dev_score(self, dev: Sequence[int], answers: Sequence[Any]) -> float:
        kind = self.pool.card.task_kind
        return kind.scores([kind.gold(self.pool.examples[i][1]) for i in dev], answers)[self.pool.card.metric]

    # ---- a step of all students ----

    def _step(self, tokens: int) -> None:
        """One step of all slots, with texts of so many tokens: on a GPU from the third on as a recorded graph of kernels."""
        self._draw_dropout(tokens)
        if self.device == "cpu":
            self._work(tokens)
        elif tokens in self.graphs:
            self.graphs[tokens].replay()
        else:
            self._work_or_record(tokens)

    def _work_or_record(self, tokens: int) -> None:
        self.seen[tokens] = self.seen.get(tokens, 0) + 1
        if self.seen[tokens] > 2:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._memory_of_graphs(), stream=self.aside):
                self._work(tokens)
            self.graphs[tokens] = graph
            graph.replay()
            return
        # The first ones set up libraries and memory, which a recording must not see; aside, as the recording will be.
        self.aside.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self.aside):
            self._work(tokens)
        torch.cuda.current_stream(self.device).wait_stream(self.aside)

    def _memory_of_graphs(self) -> Any:
        """Memory that all recordings share: one is replayed at a time, and none leaves anything in it that another reads."""
        return next(iter(self.graphs.values())).pool() if self.graphs else None

    def _draw_dropout(self, tokens: int) -> None:
        """Draws which values each dropout keeps: for every slot by a generator of its own, and as many as its own texts need."""
        if not self.encoder.dropout:
            return
        kept = self._kept(tokens)
        for slot, student in self.hand.items():
            own = self._padded(student.longest[student.done])
            drawn = torch.empty(*kept.shape[1:3], own, self.encoder.size, dtype=self.dtype, device=self.device)
            kept[slot, :, :, :own] = drawn.bernoulli_(1 - self.encoder.dropout, generator=self.generators[slot])

    def _kept(self, tokens: int) -> Tensor:
        """What dropouts keep of texts of so many tokens: slots x dropouts x texts x tokens x size, always in the same memory."""
        shape = self.encoder.dropouts, self.pieces.shape[2], tokens, self.encoder.size
        kept: Tensor = self.kept_values[:, : math.prod(shape)].unflatten(1, shape)
        return kept

    def _work(self, tokens: int) -> None:
        """Losses, gradients, and a step of AdamW with the gradient of each student clipped by itself."""
        pieces, targets = self.pieces[self.every, self.at], self.targets[self.every, self.at]
        kept = self._kept(tokens).unbind(1) if self.encoder.dropout else ()
        scores = self._scores(self.weights, pieces, tokens, kept=kept)
        there = targets >= 0
        losses = functional.cross_entropy(scores.flatten(0, 1), targets.clamp(min=0).flatten(), reduction="none")
        means = (losses.view_as(targets) * there).sum(1) / there.sum(1).clamp(min=1)
        gradients = torch.autograd.grad(means.sum(), list(self.trained.values()))
        norms = torch.stack([torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients]).norm(dim=0)
        self._update(gradients, by=(norms + 1e-6).clamp(min=1.0))
        self.at.copy_(torch.minimum(self.at + 1, (self.steps - 1).clamp(min=0)))

    def _update(self, gradients: Sequence[Tensor], *, by: Tensor) -> None:
        """A step of AdamW of every slot, with its gradient divided by a number of its own."""
        of_slots = zip(*map(Tensor.unbind, gradients), strict=True)
        rates, steps = self._rates(), (self.at + 1).float()
        with torch.no_grad():
            for slot, ((weights, first, second), own) in enumerate(zip(self.rows, of_slots, strict=True)):
                torch._fused_adamw_(
                    weights, list(own), first, second, [], [steps[slot]] * len(own), lr=rates[slot], beta1=_BETAS[0],
                    beta2=_BETAS[1], weight_decay=WEIGHT_DECAY, eps=_EPSILON, amsgrad=False, maximize=False, grad_scale=by[slot],
                    found_inf=None,
                )  # fmt: skip

    def _rates(self) -> Tensor:
        """The learning rate of each slot: warm-up and linear decay."""
        warm = (self.steps * self.pool.recipe.warmup).round().clamp(min=1)
        falling = (self.steps - self.at) / (self.steps - warm).clamp(min=1)
        return self.pool.recipe.learning_rate * torch.minimum((self.at + 1) / warm, falling).float()

    def _scores(self, weights: StackedWeights, pieces: Tensor, tokens: int, *, kept: Sequence[Tensor] = ()) -> Tensor:
        """The scores of labels or of choices: students x items x labels."""
        inputs, mask = self._inputs(pieces, tokens)
        hidden: Tensor = self.encoder(weights, inputs, mask, kept=kept, dtype=self.dtype).float()
        means = (hidden * mask[..., None]).sum(2) / mask.sum(2)[..., None]
        scores = linear(weights, "head.linear", means)
        return scores if self.choices == 1 else self._by_item(scores[..., 0], pieces)

    def _by_item(self, scores: Tensor, pieces: Tensor) -> Tensor:
        """The scores of choices by question: students x questions x choices."""
        missing = (pieces < 0).unflatten(1, (-1, self.choices))
        # Where there is no item all choices stay, or the loss would be no number.
        missing = missing & ~missing.all(-1, keepdim=True)
        return scores.view_as(missing).masked_fill(missing, float("-inf"))

    def _inputs(self, pieces: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
        """Tokens of pieces, or their features, and a mask of them; in what is no piece one token stands, so that means exist."""
        places, real = torch.arange(tokens, device=self.device), pieces.clamp(min=0)
        mask = places < torch.where(pieces < 0, 1, self.lengths[real])[..., None]
        inputs = self.data[(self.starts[real][..., None] + places).clamp(max=len(self.data) - 1)]
        return inputs, mask

    # ---- answers ----

    def _answers(self, slots: Sequence[int], chosen: Sequence[Sequence[int]]) -> list[list[Any]]:
        """The answers of the students in some slots, each to its own chosen examples."""
        weights = {name: weight[: len(slots)] for name, weight in self.shared.items()}
        weights |= {name: weight.detach()[list(slots)] for name, weight in self.trained.items()}
        outputs: list[dict[int, Any]] = [{} for _ in slots]
        for batches, tokens in self._batches_of_all([self.pool.items(own) for own in chosen]):
            for of_student, batch, found in zip(outputs, batches, self._answers_to(weights, batches, tokens), strict=True):
                of_student |= zip((item.first for item in batch), found, strict=False)
        return [answers_of_examples(self.pool, own, outputs=found) for own, found in zip(chosen, outputs, strict=True)]

    def _batches_of_all(self, items: Sequence[Sequence[Item]]) -> Iterator[tuple[list[list[Item]], int]]:
        """A batch of each student's items, the longest first, and to how many tokens they are padded; until all are through."""
        in_order = [sorted(own, key=tokens_in, reverse=True) for own in items]
        while any(in_order):
            tokens = self._padded(max(tokens_in(own[0]) for own in in_order if own))
            together = max(1, min(64, _TOKENS_AT_ONCE // (tokens * self.choices * len(items))))
            yield [own[:together] for own in in_order], tokens
            in_order = [own[together:] for own in in_order]

    def _answers_to(self, weights: StackedWeights, batches: Sequence[Sequence[Item]], tokens: int) -> list[list[int]]:
        """The answers of each student to its batch; what follows those of a shorter batch means nothing."""
        width = self.choices * max(map(len, batches))
        with torch.inference_mode():
            pieces = torch.full((len(batches), width), -1)
            for student, batch in enumerate(batches):
                pieces[student, : len(batch) * self.choices] = torch.tensor(self._pieces_of(batch), dtype=torch.long).flatten()
            scores = self._scores(weights, pieces.to(self.device), tokens)
            for student, batch in enumerate(batches):
                for place, item in enumerate(batch):
                    if item.closed:
                        scores[student, place, list(item.closed)] = float("-inf")
            found: list[list[int]] = scores.argmax(2).tolist()
        return found


def _steps(pool: Pool, job: Job) -> int:
    return steps_of(pool.recipe, len(pool.items(job.chosen)))


def _padded_length(tokens: int) -> int:
    """A few lengths only, since a recorded graph serves one: multiples of 8 up to 32, of 16 up to 128, then of 64."""
    step = 8 if tokens <= 32 else 16 if tokens <= 128 else 64
    return -(-tokens // step) * step


def _bytes_of_a_slot(pool: Pool) -> float:
    """Memory of a student: weights, gradients, moments and casts, and what a step on the longest texts keeps of each layer."""
    recipe, config = pool.recipe, pool.upper.config
    weights = 0 if recipe.lora_rank else sum(weight.numel() for weight in pool.upper.parameters())
    items = pool.items(range(len(pool.examples)))
    tokens, choices = max(map(tokens_in, items)), max(len(item.pieces) for item in items)
    batch = recipe.batch_size * choices * _padded_length(tokens)
    a_token = 2 * (12 * config.hidden_size + 4 * config.intermediate_size + 4 * config.num_attention_heads * tokens)
    return float(24 * weights + batch * a_token * len(pool.upper.encoder.layer))


def _agrees(encoder: StackedEncoder, pool: Pool) -> bool:
    """Whether the stacked forward pass gives the hidden states that the encoder itself gives, in float32."""
    pieces = [
        part.float() if part.is_floating_point() else part for part in pool.pieces(pool.items(range(min(2, len(pool.examples)))))
    ]
    weights = {name: weight[None] for name, weight in weights_of(pool.upper).items()}
    with torch.inference_mode():
        batch, mask = padded(pieces, pool.device)
        expected = pool.hidden(pool.upper.eval(), batch, mask)[mask]
        found = encoder(weights, batch[None], mask[None])[0][mask]
    return bool((found - expected).abs().max() <= 1e-3 * expected.abs().max())
