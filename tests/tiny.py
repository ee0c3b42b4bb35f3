"""Encoders of a few thousand weights with the embedded tokenizer, laid down in a folder as somebody would do it."""

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoTokenizer

from lib.core.encoders import EMBEDDED, location

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
ROUGH = {"initializer_range": 0.2}
"""Weights ten times as large as usual: with small ones every wrong turn in an encoder looks like rounding."""
RELATIVE = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8, "position_biased_input": False}
RELATIVE |= {"share_att_key": True, "norm_rel_ebd": "layer_norm", "type_vocab_size": 0}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "Bert": ("Bert", {}),
    "Roberta": ("Roberta", {}),
    "XLM-R": ("XLMRoberta", {}),
    "MPNet": ("MPNet", {}),
    "DeBERTa": ("DebertaV2", RELATIVE),
    "DeBERTa with convolution": ("DebertaV2", RELATIVE | {"conv_kernel_size": 3, "conv_act": "gelu"}),
}
"""Those that can be cut: a class of transformers, and what makes it what its published models are."""


def save_tiny(folder: Path, kind: str = "Bert", **changes: Any) -> str:
    """Each kind always with the same weights."""
    architecture, config = KINDS.get(kind, (kind, {}))
    tokenizer = AutoTokenizer.from_pretrained(location(EMBEDDED))
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        whole = getattr(transformers, f"{architecture}Config")(
            **{"vocab_size": len(tokenizer)} | SIZES | ROUGH | config | changes
        )
        getattr(transformers, f"{architecture}Model")(whole).save_pretrained(folder)
    return str(folder)
