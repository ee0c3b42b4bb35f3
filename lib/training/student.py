"""The student: an encoder with a head for its kind of task, trained on a mix of examples and scored.

The lower layers can be frozen. What they make of a text is then the same in every run, so it is computed once for the
whole pool and each run trains only what is above: nothing but the head, if all layers are frozen (a linear probe).
"""

import copy
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice, repeat
from typing import Any

import torch

from lib.core.encoders import keep_tokens, open_encoder, open_tokenizer, parts, window
from lib.core.sources import Row
from lib.core.tasks import Card
from lib.training.adapters import add_adapters
from lib.training.heads import new_head
from lib.training.settings import Recipe
from lib.training.tokenization import READERS, Item, LabelReader, Piece, out_of_sight

WEIGHT_DECAY = 0.01
_TOGETHER = 64
"""Items in a batch when nothing is trained."""


def device_of(recipe: Recipe) -> str:
    """The device that the recipe names; for auto, a GPU where there is one."""
    if recipe.device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device is {recipe.device!r}, but torch finds no GPU here; auto takes one where there is one.")
    return ("cuda" if torch.cuda.is_available() else "cpu") if recipe.device == "auto" else recipe.device


def hardware(device: str) -> str:
    """What a device is: cpu, or the name of the GPU; one like it gives the same scores."""
    return device if device == "cpu" else torch.cuda.get_device_name(device)


class Pool:
    """Examples as inputs of a student: token ids, or what the frozen layers make of them, all in one tensor."""

    def __init__(self, card: Card, rows: Sequence[Row], *, recipe: Recipe, others: Iterable[tuple[Card, Sequence[Row]]] = ()):
        """Reads `rows`, to learn from, and `others`, to be scored on: these with the fields of their own cards but this card's
        labels."""
        self.card, self.recipe, self.device = card, recipe, device_of(recipe)
        _same_each_time(self.device)
        model, tokenizer = open_encoder(recipe.encoder, self.device), open_tokenizer(recipe.encoder)
        self.size, self.typed = model.config.hidden_size, "token_type_ids" in tokenizer.model_input_names
        reader_of_kind = READERS[card.task_kind.answers_with]
        longest = min(recipe.max_tokens or reader_of_kind.longest, window(model))
        self.reader = reader_of_kind(card, tokenizer, longest)
        self.examples = [(self.reader, row, self.reader.items(row)) for row in rows]
        for reader, row, items in self.examples:
            _teach(reader, items, row=row)
        for other, tested in others:
            reader = reader_of_kind(other.model_copy(update={"labels": card.labels, "roles": card.roles}), tokenizer, longest)
            read = [(reader, row, reader.items(row)) for row in tested]
            closed = [
                place for place, label in enumerate(card.labels) if card.task_kind.fixed_labels and label not in other.labels
            ]
            for item in chain.from_iterable(items for _, _, items in read):
                item.closed = closed
            self.examples += read
        self.cut = sum(_is_cut(items) for _, _, items in self.examples)
        arguments = [out_of_sight(items, row) for _, row, items in self.examples]
        self.out_of_sight, self.arguments = (sum(counts) for counts in zip((0, 0), *arguments, strict=True))
        layers = int(model.config.num_hidden_layers)
        self.frozen = layers if recipe.frozen_layers is None else recipe.frozen_layers
        self.longest, self.probes = longest, self.frozen == layers
        self.at_once = self.probes and issubclass(reader_of_kind, LabelReader)
        self._lay_out(model)

    def _lay_out(self, model: Any) -> None:
        """Numbers the pieces and puts the ids or the features of their tokens into one tensor."""
        pieces: list[Piece] = []
        for _, _, items in self.examples:
            for item in items:
                item.first = len(pieces)
                pieces += item.pieces
        if not self.frozen:
            places = keep_tokens(model, [token for piece in pieces for token in piece.ids])
            pieces = [Piece(list(map(places.__getitem__, ids)), types) for ids, types in pieces]
        lower, self.upper = parts(model, self.recipe.encoder, self.frozen)
        tokens = [torch.tensor([piece.ids, piece.types]).T for piece in pieces]
        if lower is not None:
            tokens = list(self._below(lower, tokens))
        self.starts = list(accumulate(map(len, tokens), initial=0))
        self.data = torch.cat(tokens) if tokens else torch.zeros(0)

    def _below(self, lower: Any, pieces: list[torch.Tensor]) -> Iterator[torch.Tensor]:
        """What the frozen layers make of each piece, in batches of pieces of like length; its mean, where a probe reads that."""
        features: dict[int, torch.Tensor] = {}
        # Kept as the layers above will read them.
        storage = torch.bfloat16 if precision(self.device) == "bfloat16" else torch.float32
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))
        with torch.inference_mode():
            for start in range(0, len(pieces), _TOGETHER):
                chosen = order[start : start + _TOGETHER]
                hidden = self.through(lower, [pieces[i] for i in chosen])[0]
                for i, row in zip(chosen, hidden, strict=True):
                    whole = row[: len(pieces[i])]
                    features[i] = whole.mean(0, keepdim=True) if self.at_once else whole.to(storage)
        return (features[i] for i in range(len(pieces)))

    def through(self, encoder: Any, pieces: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Runs pieces through an encoder or a part of one: the hidden states, and a mask of the tokens in them."""
        batch, mask = padded(pieces, self.device)
        # Autocast keeps its casts of the weights until it is left, so it must not span an optimizer step.
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=precision(self.device) == "bfloat16"):
            hidden = self.hidden(encoder, batch, mask)
        return hidden.float(), mask

    def hidden(self, encoder: Any, batch: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The hidden states of a padded batch of tokens, or of what the layers below give."""
        if batch.is_floating_point():
            inputs = {"inputs_embeds": batch}
        else:
            inputs = {"input_ids": batch[..., 0]} | ({"token_type_ids": batch[..., 1]} if self.typed else {})
        found: torch.Tensor = encoder(**inputs, attention_mask=mask.long()).last_hidden_state
        return found

    def pieces(self, items: Sequence[Item]) -> list[torch.Tensor]:
        numbers: list[int] = []
        for item in items:
            numbers += range(item.first, item.first + len(item.pieces))
        return [self.data[self.starts[k] : self.starts[k + 1]] for k in numbers]

    def items(self, chosen: Sequence[int]) -> list[Item]:
        return [item for i in chosen for item in self.examples[i][2]]


def padded(pieces: Sequence[torch.Tensor], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch filled up with zeros to its longest piece, and a mask of the tokens in it."""
    batch = torch.nn.utils.rnn.pad_sequence(list(pieces), batch_first=True).to(device)
    lengths = torch.tensor([len(piece) for piece in pieces], device=device)
    return batch, torch.arange(batch.shape[1], device=device)[None, :] < lengths[:, None]


def _teach(reader: Any, items: list[Item], *, row: Row) -> None:
    try:
        reader.teach(items, row)
    except ValueError as error:
        raise ValueError(f"Example {row.get('id', row)!r} has {error}. Mend it, or run 01 and 02 again.") from None


def _same_each_time(device: str) -> None:
    """On a GPU, the algorithms that give the same sums each time, where there are such; a processor's do anyway."""
    if device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        if torch.device(device).index is not None:  # Of several; recorded kernels run on the current one.
            torch.cuda.set_device(device)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def precision(device: str = "cpu") -> str:
    """bfloat16 where the device computes in it (about twice as fast at the same scores), else float32."""
    if device != "cpu":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    can = torch.cpu.get_capabilities()
    return "bfloat16" if can.get("avx512_bf16") or can.get("amx_bf16") else "float32"


def _new_student(pool: Pool) -> torch.nn.ModuleDict:
    """The layers that train, as pretrained, and a new head."""
    student = {"head": new_head(pool.reader, pool.size)}
    if not pool.probes:
        student["encoder"] = copy.deepcopy(pool.upper)
        if pool.recipe.lora_rank:
            add_adapters(student["encoder"], pool.recipe.lora_rank)
    return torch.nn.ModuleDict(student).to(pool.device)


def _hidden(student: Any, pool: Pool, *, items: Sequence[Item]) -> tuple[torch.Tensor, torch.Tensor]:
    """What the head reads."""
    pieces = pool.pieces(items)
    if "encoder" in student:
        return pool.through(student["encoder"], pieces)
    features, mask = padded(pieces, pool.device)
    return features.float(), mask


def train(pool: Pool, chosen: Sequence[int], *, seed: int, dev: Sequence[int] = ()) -> Any:
    """A student trained on the chosen examples; the same seed gives the same student on the same machine.

    With dev examples it is the best of all that were scored on them, one after each epoch or tenth of the steps; else the last.
    """

    torch.manual_seed(seed)
    student, items = _new_student(pool), pool.items(chosen)
    best: tuple[float, dict[str, Any]] = float("-inf"), {}
    if pool.at_once:
        return _probe(student, pool, items=items)
    for _ in _parts_of_training(student, pool, items=items):
        if dev:
            score = scores(student, pool, chosen=dev)[0][pool.card.metric]
            if score > best[0]:
                best = score, copy.deepcopy(student.state_dict())
    if dev:
        student.load_state_dict(best[1])
    return student


def _parts_of_training(student: Any, pool: Pool, *, items: Sequence[Item]) -> Iterator[None]:
    """Trains, and yields after each epoch or tenth of the steps, so that the student can be scored."""
    recipe, rates = pool.recipe, student["head"].rates(pool.recipe)
    if "encoder" in student:
        trained = [weight for weight in student["encoder"].parameters() if weight.requires_grad]
        rates = [*rates, (trained, recipe.learning_rate)]
    groups = [{"params": parameters, "lr": rate} for parameters, rate in rates]
    steps = steps_of(recipe, len(items))
    optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate_at(step, steps, warmup=recipe.warmup))
    for batch, ends_a_part in batches_of(items, recipe):
        student.train()
        loss = student["head"].loss(*_hidden(student, pool, items=batch), batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if ends_a_part:
            yield


def steps_of(recipe: Recipe, items: int) -> int:
    """How many steps a student trains."""
    return recipe.epochs * -(-items // recipe.batch_size) if recipe.epochs else recipe.steps


def batches_of(items: Sequence[Item], recipe: Recipe) -> Iterator[tuple[list[Item], bool]]:
    """The batch of each step, and whether a part of the training ends with it: an epoch, or a tenth of the steps."""
    steps = steps_of(recipe, len(items)) if items else 0
    part = max(1, steps // recipe.epochs if recipe.epochs else -(-steps // 10))
    endless = chain.from_iterable(_batches(items, recipe.batch_size) for _ in repeat(None))
    for step, batch in enumerate(islice(endless, steps), start=1):
        yield batch, step % part == 0 or step == steps


def _rate_at(step: int, steps: int, *, warmup: float) -> float:
    """Warm-up and linear decay."""
    warm = max(1, round(steps * warmup))
    return min((step + 1) / warm, (steps - step) / max(1, steps - warm))


def _batches(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """All items in random batches; within every eight batches, items of like length come together, so that little is padding."""
    result = []
    for group in torch.randperm(len(items)).split(8 * size):
        by_length = sorted(group.tolist(), key=lambda i: tokens_in(items[i]))
        result += [by_length[k : k + size] for k in range(0, len(by_length), size)]
    for k in torch.randperm(len(result)).tolist():
        yield [items[i] for i in result[k]]


def _is_cut(items: Sequence[Item]) -> bool:
    """Whether a piece of an example is cut to the longest that the encoder reads."""
    return any(item.cut for item in items)


def tokens_in(item: Item) -> int:
    """The tokens of its longest piece."""
    return max(len(piece.ids) for piece in item.pieces)


def _probe(student: Any, pool: Pool, *, items: Sequence[Item]) -> Any:
    """Fits the head alone, as a logistic regression (scikit-learn's C = 1); nothing below it changes."""
    # Not scikit-learn: benchmarks/README.md says what it would change.
    head, (hidden, _) = student["head"], _hidden(student, pool, items=items)
    weight, bias = head.linear.parameters()
    # What all features share is left out meanwhile: the search then takes a quarter fewer steps.
    shared = hidden[:, 0].mean(0)
    features, targets = hidden[:, 0] - shared, head.targets(items, hidden.device)
    twice = 2 if len(weight) == 2 else 1  # Of two labels scikit-learn weighs one vector, the difference of these two.
    optimizer = torch.optim.LBFGS(
        student.parameters(), max_iter=300, history_size=10, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        found = torch.nn.functional.cross_entropy(head.scores_of_means(features, items), targets)
        loss: torch.Tensor = found + twice * weight.square().sum() / (2 * len(items))
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        bias -= weight @ shared
    return student


def predict(student: Any, pool: Pool, *, chosen: Sequence[int]) -> list[Any]:
    """The student's answer to each chosen example."""
    student.eval()
    items = sorted(pool.items(chosen), key=tokens_in)
    outputs: dict[int, Any] = {}
    with torch.inference_mode():
        for start in range(0, len(items), _TOGETHER):
            batch = items[start : start + _TOGETHER]
            answers = student["head"].answers(*_hidden(student, pool, items=batch), batch)
            outputs |= {item.first: answer for item, answer in zip(batch, answers, strict=True)}
    return answers_of_examples(pool, chosen, outputs=outputs)


def answers_of_examples(pool: Pool, chosen: Sequence[int], *, outputs: Mapping[int, Any]) -> list[Any]:
    """The answer to each chosen example, by what the head says of each item (by the number of its first piece)."""
    answers = []
    for i in chosen:
        reader, _, items = pool.examples[i]
        answers.append(reader.answer(items, [outputs[item.first] for item in items]))
    return answers


def scores(student: Any, pool: Pool, *, chosen: Sequence[int]) -> tuple[dict[str, float], list[Any]]:
    """The scores of a student on some examples, and its answers."""
    answers = predict(student, pool, chosen=chosen)
    kind = pool.card.task_kind
    return kind.scores([kind.gold(pool.examples[i][1]) for i in chosen], answers), answers
