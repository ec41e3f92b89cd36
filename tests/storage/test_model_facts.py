"""Facts of a base model: what torch and transformers say after loading it, read without them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    OPTConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3MoeConfig,
)

from storage import model_facts
from storage.errors import StudioError
from tests.fakes.tiny_models import save_model, save_tokenizer

LLAMA = LlamaConfig(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=80,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=512,
)
GPT2 = GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_positions=64)
QWEN2 = Qwen2Config(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
EXPERTS = Qwen3MoeConfig(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=64,
    moe_intermediate_size=16,
    num_experts=4,
    num_experts_per_tok=2,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
)

NEOX = GPTNeoXConfig(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
)
OPT = OPTConfig(
    vocab_size=300,
    hidden_size=32,
    ffn_dim=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    word_embed_proj_dim=32,
)


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    save_model(tmp_path, LLAMA)
    save_tokenizer(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "config", [LLAMA, GPT2, QWEN2, EXPERTS, NEOX, OPT], ids=lambda c: c.model_type
)
def test_parameters_and_linear_modules_are_those_of_the_loaded_model(
    tmp_path: Path, config: PreTrainedConfig
) -> None:
    counted = save_model(tmp_path, config)
    facts = model_facts.read(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    linear = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D")
    }
    assert facts.parameters == counted
    assert set(facts.linear_modules) == linear - {"lm_head"}
    assert facts.architecture == type(model).__name__
    assert facts.tied_embeddings is bool(config.tie_word_embeddings)


def test_the_sizes_of_the_configuration_are_read_under_every_architectures_names(
    tmp_path: Path, llama: Path
) -> None:
    facts = model_facts.read(llama)
    assert (facts.layers, facts.hidden_size, facts.intermediate_size) == (3, 32, 80)
    assert (facts.heads, facts.kv_heads) == (4, 2)
    assert (facts.context_length, facts.vocabulary_size) == (512, 300)
    save_model(tmp_path / "gpt2", GPT2)
    facts = model_facts.read(tmp_path / "gpt2")
    assert (facts.layers, facts.hidden_size, facts.intermediate_size) == (2, 32, 128)
    assert (facts.heads, facts.kv_heads, facts.context_length) == (4, 4, 64)


def test_shards_are_added_up(tmp_path: Path, llama: Path) -> None:
    save_model(tmp_path / "shards", LLAMA, max_shard_size="40KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    assert model_facts.read(tmp_path / "shards").parameters == model_facts.read(llama).parameters


def test_half_precision_weights_take_two_bytes_each(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_config(LLAMA, dtype=torch.bfloat16)
    model.save_pretrained(tmp_path)
    facts = model_facts.read(tmp_path)
    assert facts.dtypes == ["bfloat16"]
    assert facts.weight_bytes == 2 * facts.parameters


def test_weights_that_an_older_library_stored_twice_count_once(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415  only this test needs it

    counted = save_model(tmp_path, QWEN2)
    weights = load_file(tmp_path / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    save_file(weights, tmp_path / "model.safetensors")
    assert model_facts.read(tmp_path).parameters == counted


@pytest.mark.parametrize(
    ("template", "has", "marks"),
    [
        (None, False, False),
        ("{{ messages }}", True, False),
        ("{%- generation -%}{{ x }}{% endgeneration %}", True, True),
    ],
)
def test_chat_template(tmp_path: Path, template: str | None, has: bool, marks: bool) -> None:
    save_model(tmp_path, LLAMA)
    save_tokenizer(tmp_path, template=template)
    facts = model_facts.read(tmp_path)
    assert (facts.has_chat_template, facts.chat_template_marks_answers) == (has, marks)


def test_chat_template_of_an_older_tokenizer_is_found(llama: Path) -> None:
    (llama / "chat_template.jinja").unlink()
    templates = [{"name": "default", "template": "{% generation %}{% endgeneration %}"}]
    (llama / "tokenizer_config.json").write_text(json.dumps({"chat_template": templates}))
    assert model_facts.read(llama).chat_template_marks_answers


@pytest.mark.parametrize(
    ("file", "text", "licence"),
    [
        ("README.md", "---\nlicense: apache-2.0\ntags: [a]\n---\n# A model", "apache-2.0"),
        ("README.md", "---\nlicense: other\nlicense_name: llama3.2\n---\n", "llama3.2"),
        ("README.md", "---\nlicense: [mit, gpl]\n---\n", "mit"),
        ("README.md", "# no front matter", None),
        ("README.md", "---\n{{{ not yaml\n---\n", None),
        ("LICENSE", "\n   Apache License\n  Version 2.0, January 2004", "apache-2.0"),
        ("LICENSE", "Gemma Terms of Use\nLast modified 2025", "Gemma Terms of Use"),
    ],
)
def test_licence(llama: Path, file: str, text: str, licence: str | None) -> None:
    (llama / file).write_text(text)
    assert model_facts.read(llama).licence == licence


def test_quantized_models_say_so(llama: Path) -> None:
    config = json.loads((llama / "config.json").read_text())
    (llama / "config.json").write_text(json.dumps(config | {"quantization_config": {}}))
    assert model_facts.read(llama).quantized


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", b"{", "config.json cannot be read as JSON"),
        ("config.json", b"[]", "config.json is not a JSON object"),
        ("config.json", b'{"hidden_size": NaN}', "NaN is not a number"),
        ("config.json", b'{"a":' * 100_000, "config.json cannot be read as JSON"),
        ("config.json", b"{}", "does not say how large"),
        ("model.safetensors", b"", "empty or cut off"),
        ("model.safetensors", b"\xff" * 100, "not a safetensors file"),
        ("model.safetensors", b"\x08" + bytes(7) + b"{ broken", "damaged header"),
    ],
)
def test_a_damaged_folder_is_refused_in_words(
    llama: Path, file: str, content: bytes, words: str
) -> None:
    (llama / file).write_bytes(content)
    with pytest.raises(StudioError, match=words):
        model_facts.read(llama)


def test_weights_that_are_cut_off_say_how_much_is_missing(llama: Path) -> None:
    weights = llama / "model.safetensors"
    whole = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(StudioError, match=f"has 5,000 bytes, its header promises {whole:,}"):
        model_facts.read(llama)


def test_facts_are_read_without_torch(llama: Path) -> None:
    code = (
        "import sys, pathlib; from storage import model_facts\n"
        f"print(model_facts.read(pathlib.Path({str(llama)!r})).model_dump_json())\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert json.loads(done.stdout)["architecture"] == "LlamaForCausalLM"
