"""The student: an encoder with a linear head, trained on a mix of examples and scored.

The lower layers can be frozen. What they make of a text is then the same in every run, so it is computed once for the
whole pool and each run trains only what is above.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lib.encoders import EMBEDDED, location

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Recipe:
    """How a student is trained. Fixed epochs and no selection, so that no extra human labels are spent on a dev set."""

    encoder: str = EMBEDDED
    epochs: int = 10
    batch_size: int = 16
    learning_rate: float = 3e-4
    warmup: float = 0.1
    frozen_layers: int = 4
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.max_tokens) < 1 or self.learning_rate <= 0 or self.frozen_layers < 0:
            raise ValueError(
                f"A recipe needs epochs, batch_size and max_tokens of at least 1 and a positive learning_rate: {self}."
            )


class Pool:
    """Texts as a student sees them: token ids, or what the frozen layers make of them."""

    def __init__(self, texts: Sequence[str], recipe: Recipe):
        from transformers import AutoModel, AutoTokenizer

        self.recipe, folder = recipe, location(recipe.encoder)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        self.encoder = AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=False).float().eval()
        check_build(self.encoder, recipe.encoder)
        deep = len(self.encoder.encoder.layer)
        if recipe.frozen_layers > deep:
            raise ValueError(f"frozen_layers is {recipe.frozen_layers}, but {recipe.encoder} has {deep} layers.")
        ids = tokenizer(list(texts), truncation=True, max_length=recipe.max_tokens)["input_ids"]
        self.items = list(self.prefixed(ids)) if recipe.frozen_layers else [as_tensor(row) for row in ids]

    def prefixed(self, ids: list[list[int]]) -> Iterator["torch.Tensor"]:
        """What the embeddings and the frozen layers make of each text, in batches of texts of like length."""
        import torch

        hidden: dict[int, torch.Tensor] = {}
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        with torch.inference_mode():
            for start in range(0, len(ids), 64):
                chosen = by_length[start : start + 64]
                batch, mask = padded([as_tensor(ids[i]) for i in chosen])
                out = through(self.encoder.encoder.layer[: self.recipe.frozen_layers], self.encoder.embeddings(batch), mask)
                hidden |= {i: row[: len(ids[i])].clone() for i, row in zip(chosen, out, strict=True)}
        return (hidden[i] for i in range(len(ids)))


def check_build(encoder: Any, name: str) -> None:
    """Refuses an encoder whose layers, taken one after another, do not give what it gives as a whole, as MPNet's do not."""
    import torch

    ids, mask = padded([as_tensor([5, 6, 7, 8, 9]), as_tensor([5, 6, 7])])
    with torch.inference_mode():
        try:
            whole = encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
            same = torch.allclose(through(encoder.encoder.layer, encoder.embeddings(ids), mask)[mask], whole[mask], atol=1e-3)
        except (AttributeError, TypeError):
            same = False
    if not same:
        raise ValueError(
            f"Encoder {name!r} ({type(encoder).__name__}) is not built like BERT or RoBERTa; students need one that is."
        )


def as_tensor(ids: list[int]) -> "torch.Tensor":
    import torch

    return torch.tensor(ids)


def padded(items: Sequence["torch.Tensor"]) -> tuple["torch.Tensor", "torch.Tensor"]:
    """A batch filled up with zeros to its longest item, and where it holds something."""
    import torch

    batch = torch.nn.utils.rnn.pad_sequence(list(items), batch_first=True)
    lengths = torch.tensor([len(item) for item in items])
    return batch, torch.arange(batch.shape[1])[None, :] < lengths[:, None]


def through(layers: Any, hidden: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Hidden states through some layers of an encoder; padding is not attended to."""
    for layer in layers:
        hidden = layer(hidden, attention_mask=mask[:, None, None, :])
    return hidden


def new_student(pool: Pool, labels: int) -> "torch.nn.Module":
    """The layers that train, as pretrained, and a new head."""
    import torch

    encoder, frozen = pool.encoder, pool.recipe.frozen_layers
    parts = {"layers": copy.deepcopy(encoder.encoder.layer[frozen:]), "head": torch.nn.Linear(encoder.config.hidden_size, labels)}
    if not frozen:
        parts["embeddings"] = copy.deepcopy(encoder.embeddings)
    return torch.nn.ModuleDict(parts)


@cache
def precision() -> str:
    """bfloat16 where the processor computes in it (about twice as fast at the same scores), else float32."""
    import torch

    can = torch.cpu.get_capabilities()
    return "bfloat16" if can.get("avx512_bf16") or can.get("amx_bf16") else "float32"


def logits(student: Any, items: Sequence["torch.Tensor"]) -> "torch.Tensor":
    """The head's reading of the mean over a text's tokens."""
    import torch

    batch, mask = padded(items)
    # Autocast keeps its casts of the weights until it is left, so it must not span an optimizer step.
    with torch.autocast("cpu", torch.bfloat16, enabled=precision() == "bfloat16"):
        hidden = student["embeddings"](batch) if "embeddings" in student else batch
        hidden = through(student["layers"], hidden, mask)
        mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        out: torch.Tensor = student["head"](mean)
    return out.float()


def train(pool: Pool, chosen: Sequence[int], targets: Sequence[int], labels: int, seed: int) -> "torch.nn.Module":
    """A student trained on the chosen texts of the pool; the same seed gives the same student on the same machine."""
    import torch

    torch.manual_seed(seed)
    student, recipe = new_student(pool, labels).train(), pool.recipe
    steps = recipe.epochs * -(-len(chosen) // recipe.batch_size)
    warm = max(1, round(steps * recipe.warmup))
    optimizer = torch.optim.AdamW(student.parameters(), lr=recipe.learning_rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(chosen)).split(recipe.batch_size):
            loss = torch.nn.functional.cross_entropy(
                logits(student, [pool.items[chosen[i]] for i in rows]), torch.tensor([targets[i] for i in rows])
            )
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return student


def predict(student: Any, pool: Pool, chosen: Sequence[int]) -> list[int]:
    """The most likely label of each chosen text."""
    import torch

    student.eval()
    with torch.inference_mode():
        batches = [chosen[i : i + 64] for i in range(0, len(chosen), 64)]
        return [int(i) for batch in batches for i in logits(student, [pool.items[i] for i in batch]).argmax(1)]
