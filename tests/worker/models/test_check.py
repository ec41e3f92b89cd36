"""Every kind of bad model folder is named for what it is; good ones pass."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, GPT2Config, LlamaConfig, LlamaModel

from tests.fakes.tiny_models import save_model, save_tokenizer
from worker.models import architectures
from worker.models.check import check_folder


def test_whole_models_have_no_faults(good_model: Path, sharded_model: Path) -> None:
    assert check_folder(good_model) == []
    assert check_folder(sharded_model) == []


def test_another_architecture_with_tied_weights_has_no_faults(tmp_path: Path) -> None:
    save_model(tmp_path, GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4))
    save_tokenizer(tmp_path)
    assert check_folder(tmp_path) == []


def test_pickles_beside_whole_safetensors_do_no_harm(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"never opened")
    (folder / "training_args.bin").write_bytes(b"never opened")
    assert check_folder(folder) == []


Spoil = Callable[[Path], object]


def configure(**settings: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    return spoil


def unconfigure(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        del config[name]
        path.write_text(json.dumps(config))

    return spoil


def remove(*names: str) -> Spoil:
    return lambda folder: [(folder / name).unlink() for name in names]


def write(name: str, content: bytes) -> Spoil:
    return lambda folder: (folder / name).write_bytes(content)


def replace_weights(name: str) -> Spoil:
    return lambda folder: (folder / "model.safetensors").rename(folder / name)


def without_tensors(*parts: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "model.safetensors"
        kept = {n: t for n, t in load_file(path).items() if not any(p in n for p in parts)}
        save_file(kept, path)

    return spoil


def link_outside(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        outside = folder.parent / name
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return spoil


def only_adapter(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(b"")


def pipe(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


BAD = {
    "no configuration": (remove("config.json"), "config.json", "Missing: config.json"),
    "no tokenizer": (remove("tokenizer.json"), "tokenizer", "Missing: the tokenizer"),
    "old tokenizer": (
        lambda f: (f / "tokenizer.json").rename(f / "tokenizer.model"),
        "tokenizer",
        "older form",
    ),
    "no weights": (remove("model.safetensors"), "weights", "Missing: the weights"),
    "pickle .bin": (replace_weights("pytorch_model.bin"), "weights", "unsafe format (.bin)"),
    "pickle .pt": (replace_weights("model.pt"), "weights", "unsafe format (.pt)"),
    "pickle .pth": (replace_weights("model.pth"), "weights", "unsafe format (.pth)"),
    "pickle .ckpt": (replace_weights("model.ckpt"), "weights", "unsafe format (.ckpt)"),
    "pickle renamed": (
        write("model.safetensors", b"PK\x03\x04" + bytes(100)),
        "model.safetensors",
        "pickle",
    ),
    "only GGUF": (replace_weights("model-q4.gguf"), "weights", "only there as GGUF"),
    "other names": (replace_weights("consolidated.safetensors"), "weights", "other names"),
    "LFS pointer": (
        write("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
        "model.safetensors",
        "Git LFS pointer",
    ),
    "web page": (
        write("model.safetensors", b"\n<!DOCTYPE html><html>Please sign in</html>"),
        "model.safetensors",
        "web page",
    ),
    "cut off": (
        lambda f: os.truncate(f / "model.safetensors", 20_000),
        "model.safetensors",
        "cut off: it has 20,000 bytes, its header promises",
    ),
    "cut off in the header": (
        lambda f: os.truncate(f / "model.safetensors", 300),
        "model.safetensors",
        "cut off: it has 300 bytes, its header promises at least",
    ),
    "code in the configuration": (
        configure(auto_map={"AutoModelForCausalLM": "modeling.Evil"}),
        "config.json",
        "trust_remote_code stays off",
    ),
    "code in the tokenizer": (
        write("tokenizer_config.json", b'{"auto_map": {"AutoTokenizer": ["t.T", null]}}'),
        "tokenizer_config.json",
        "trust_remote_code stays off",
    ),
    "asks for trust": (
        configure(text={"trust_remote_code": True}),
        "config.json",
        "asks for trust_remote_code",
    ),
    "kernel from the hub": (
        configure(_attn_implementation_internal="evil/kernel"),
        "config.json",
        "attention code from the hub",
    ),
    "program files": (write("modeling_evil.py", b""), "code", "modeling_evil.py"),
    "unknown kind": (configure(model_type="lama"), "config.json", "model type 'lama'"),
    "no kind": (unconfigure("model_type"), "config.json", "model_type is missing"),
    "no architecture": (unconfigure("architectures"), "config.json", "architectures is missing"),
    "classifier": (
        configure(architectures=["LlamaForSequenceClassification"]),
        "config.json",
        "LlamaForSequenceClassification cannot continue a text",
    ),
    "huge vocabulary": (configure(vocab_size=10**9), "config.json", "vocab_size is 1,000,000,000"),
    "huge depth": (configure(num_hidden_layers=10**6), "config.json", "layers is 1,000,000"),
    "no width": (configure(hidden_size=0), "config.json", "hidden size is 0"),
    "no vocabulary": (unconfigure("vocab_size"), "config.json", "does not say the vocab_size"),
    "not a number": (
        lambda f: (f / "config.json").write_text('{"rope_theta": NaN}'),
        "config.json",
        "NaN is not a number",
    ),
    "tokenizer too large": (
        lambda f: save_tokenizer(f, tokens=301),
        "tokenizer",
        "knows 301 tokens, the model has room for 300",
    ),
    "tokenizer broken": (write("tokenizer.json", b"{}"), "tokenizer", "not a tokenizer"),
    "no embedding": (without_tensors("embed_tokens"), "weights", "no table of token vectors"),
    "a layer missing": (without_tensors("layers.1."), "weights", "lack 1 of 3 layers"),
    "no output layer": (without_tensors("lm_head"), "weights", "lack the output layer"),
    "other vocabulary": (
        configure(vocab_size=400),
        "weights",
        "announces 400 tokens, the weights hold 300",
    ),
    "adapter": (only_adapter, "config.json", "This is an adapter, not a base model"),
    "weights outside": (link_outside("model.safetensors"), "model.safetensors", "outside"),
    "configuration outside": (link_outside("config.json"), "config.json", "outside"),
    "a pipe": (pipe("config.json"), "config.json", "no ordinary file"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_named_for_what_it_is(folder: Path, case: str) -> None:
    spoil, field, words = BAD[case]
    spoil(folder)
    faults = check_folder(folder)
    assert [(fault.field, words in fault.message) for fault in faults] == [(field, True)]


def test_everything_missing_is_listed_at_once(folder: Path) -> None:
    remove("config.json", "tokenizer.json", "model.safetensors")(folder)
    assert [fault.field for fault in check_folder(folder)] == [
        "config.json",
        "tokenizer",
        "weights",
    ]


def test_a_missing_shard_is_named(shards: Path) -> None:
    files = sorted(path.name for path in shards.glob("*.safetensors"))
    (shards / files[2]).unlink()
    (fault,) = check_folder(shards)
    assert fault.message == f"Missing: 1 of {len(files)} weight files: {files[2]}."


def test_a_shard_from_another_model_is_noticed(shards: Path) -> None:
    first = sorted(shards.glob("*.safetensors"))[0]
    tensors = load_file(first)
    lost = next(iter(tensors))
    save_file({n: t for n, t in tensors.items() if n != lost} | {"x": torch.ones(1)}, first)
    assert any(f"The index lists {lost}" in fault.message for fault in check_folder(shards))


@pytest.mark.parametrize("place", ["../outside.safetensors", "/etc/passwd", "..\\x", "a/b"])
def test_an_index_cannot_point_out_of_the_folder(shards: Path, place: str) -> None:
    path = shards / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"]["lm_head.weight"] = place
    path.write_text(json.dumps(index))
    (fault,) = check_folder(shards)
    assert "names a file outside the model's folder" in fault.message


def test_encoders_and_headless_models_are_refused(tmp_path: Path) -> None:
    bert = BertConfig(vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=4)
    BertForMaskedLM(bert).save_pretrained(tmp_path / "bert")
    llama = LlamaConfig(vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=4)
    LlamaModel(llama).save_pretrained(tmp_path / "llama")
    for folder in (tmp_path / "bert", tmp_path / "llama"):
        save_tokenizer(folder)
        assert any("cannot continue a text" in fault.message for fault in check_folder(folder))


def test_an_encoder_is_refused_even_under_the_name_of_its_generating_class(tmp_path: Path) -> None:
    bert = BertConfig(vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=4)
    save_model(tmp_path, bert)
    save_tokenizer(tmp_path)
    assert any("BertLMHeadModel cannot" in fault.message for fault in check_folder(tmp_path))


def test_the_hub_librarys_cache_may_link_to_its_blobs_and_nowhere_else(
    good_model: Path, tmp_path: Path
) -> None:
    snapshot = tmp_path / "models--a--b" / "snapshots" / "abc"
    blobs = tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    shutil.copytree(good_model, blobs)
    for blob in blobs.iterdir():
        (snapshot / blob.name).symlink_to(f"../../blobs/{blob.name}")
    assert check_folder(snapshot) == []
    no_cache = snapshot.parent.with_name("models") / "abc"
    shutil.copytree(snapshot, no_cache, symlinks=True)
    assert check_folder(no_cache)
    shutil.copy(blobs / "model.safetensors", tmp_path / "elsewhere")
    (snapshot / "model.safetensors").unlink()
    (snapshot / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert [fault.field for fault in check_folder(snapshot)] == ["model.safetensors"]


def test_the_architectures_are_those_of_the_installed_library() -> None:
    from transformers.models.auto import configuration_auto, modeling_auto  # noqa: PLC0415  slow

    assert architectures.text_generators() == modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    assert architectures.encoders() == set(modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    known = architectures.known_model_types()
    assert known <= set(configuration_auto.CONFIG_MAPPING_NAMES)
    assert set(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) <= known


def test_checking_loads_no_torch(good_model: Path) -> None:
    code = (
        "import sys, pathlib; from worker.models import check, importing\n"
        f"assert check.check_folder(pathlib.Path({str(good_model)!r})) == []\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'torch was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
