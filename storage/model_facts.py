"""What a base model is, read from its folder with JSON and the safetensors headers alone."""

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from storage import weight_files
from storage.errors import StudioError
from storage.weight_files import Tensor

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F4": "float4", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip

# One fact, the names that architectures give it, the usual one first.
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads")
_KV_HEADS = ("num_key_value_heads", "num_kv_heads")
_INTERMEDIATE = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_ff")
_CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "seq_length")

_TOKEN_EMBEDDING = re.compile(
    r"(^|\.)(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings|embeddings)\.weight$"
)
_HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.")
# Older files carry attention masks and rotary tables along; they are no parameters.
_BUFFER = re.compile(r"(\.masked_bias|inv_freq|\.attn\.bias)$")
# Experts are fused into one three-dimensional weight when the model is loaded, and routers are no
# linear modules, so an adapter cannot be put on either.
_NOT_LINEAR = re.compile(r"embed|wte|wpe|norm|(^|\.)ln_|\.experts\.|\.gate\.weight$|router")
_LINEAR = re.compile(r"\.([A-Za-z]\w*)\.(weight|qweight)$")
_MARKS_ANSWERS = re.compile(r"\{%-?\+?\s*generation\s*-?\+?%\}")
_KNOWN_LICENCES = {
    "apache license": "apache-2.0",
    "mit license": "mit",
    "bsd 3-clause": "bsd-3-clause",
    "gnu general public license": "gpl",
}


class ModelFacts(BaseModel):
    """What the studio knows about a base model without loading it.

    Attributes:
        parameters: weights in the files, tied ones once; packed quantized weights as stored.
        weight_bytes: size of all tensors, in bytes.
        dtypes: names as torch writes them, the one that takes most bytes first.
        context_length: longest text in tokens; None where the architecture has no limit.
        chat_template_marks_answers: the template has `{% generation %}`, so that learning from
            answers only works.
        chat_template_fault: why its own chat template cannot be used; empty where it can.
        linear_modules: names that an adapter can be put on, in the order of the file.
    """

    model_config = ConfigDict(frozen=True)

    architecture: str
    model_type: str
    parameters: int
    weight_bytes: int
    dtypes: list[str]
    layers: int
    hidden_size: int
    heads: int | None
    kv_heads: int | None
    intermediate_size: int
    context_length: int | None
    vocabulary_size: int
    has_chat_template: bool
    chat_template_marks_answers: bool
    licence: str | None
    linear_modules: list[str]
    tied_embeddings: bool
    quantized: bool
    chat_template_fault: str = ""


def read(folder: Path) -> ModelFacts:
    """Read the facts of a model folder. Raises StudioError, in words, where it is damaged."""
    config = read_config(folder)
    text = text_config(config)
    files = weight_files.of_folder(folder)
    if not files:
        raise StudioError(f"There are no safetensors weights in {folder.name}.")
    tensors = [tensor for file in files for tensor in _tensors_of(file)]
    return ModelFacts(
        architecture=_architecture(config),
        model_type=str(config.get("model_type", "")),
        dtypes=_dtypes(tensors),
        weight_bytes=sum(tensor.bytes for tensor in tensors),
        linear_modules=_linear_modules(tensors),
        quantized="quantization_config" in config,
        licence=_licence(folder),
        **_sizes(text),
        **_tied_and_parameters(config, text, tensors),
        **_template_facts(folder),
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json as it stands. Raises StudioError."""
    return read_object(folder / "config.json")


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file. Raises StudioError where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except FileNotFoundError as error:
        raise StudioError(f"{path.name} is missing.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise StudioError(f"{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(found, dict):
        raise StudioError(f"{path.name} is not a JSON object.")
    return found


def text_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a configuration that describes the language model."""
    nested = config.get("text_config")
    return nested if isinstance(nested, dict) else config


def size(config: dict[str, Any], *names: str) -> int | None:
    """Return the first of these settings that is a whole number."""
    values = (config.get(name) for name in names)
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool)), None)


def layer_count(config: dict[str, Any]) -> int | None:
    """Return the number of layers that a text configuration announces."""
    return size(config, *_LAYERS)


def hidden_width(config: dict[str, Any]) -> int | None:
    """Return the width of the hidden state that a text configuration announces."""
    return size(config, *_HIDDEN)


def head_count(config: dict[str, Any]) -> int | None:
    """Return the number of attention heads that a text configuration announces."""
    return size(config, *_HEADS)


def context_length(config: dict[str, Any]) -> int | None:
    """Return the longest text, in tokens, of a text configuration; None where it has no limit."""
    return size(config, *_CONTEXT)


def token_embedding(tensors: list[Tensor]) -> Tensor | None:
    """Return the table of token vectors [vocabulary, width], the largest where there are more."""
    tables = [t for t in tensors if len(t.shape) == 2 and _TOKEN_EMBEDDING.search(t.name)]
    return max(tables, key=lambda t: t.shape[0], default=None)


def has_head(tensors: list[Tensor]) -> bool:
    """Whether the files hold an output layer of their own."""
    return any(_HEAD.search(tensor.name) for tensor in tensors)


def chat_templates(folder: Path) -> list[str]:
    """Return the chat templates of a model, wherever its version of the library put them."""
    jinja = folder / "chat_template.jinja"
    found: list[Any] = [jinja.read_text(encoding="utf-8")] if jinja.is_file() else []
    for name in ("tokenizer_config.json", "chat_template.json"):
        if (folder / name).is_file():
            entry = read_object(folder / name).get("chat_template")
            found += entry if isinstance(entry, list) else [entry]
    texts = [entry.get("template") if isinstance(entry, dict) else entry for entry in found]
    return [text for text in texts if isinstance(text, str) and text.strip()]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _tensors_of(file: Path) -> list[Tensor]:
    if not file.is_file():
        raise StudioError(f"{file.name} is missing.", "Download or copy the model again.")
    return weight_files.tensors(file)


def _architecture(config: dict[str, Any]) -> str:
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else ""


def _dtypes(tensors: list[Tensor]) -> list[str]:
    room: Counter[str] = Counter()
    for tensor in tensors:
        room[_DTYPES.get(tensor.dtype, tensor.dtype.lower())] += tensor.bytes
    return [dtype for dtype, _ in room.most_common()]


def _sizes(text: dict[str, Any]) -> dict[str, int | None]:
    layers, hidden = layer_count(text), hidden_width(text)
    vocabulary = size(text, "vocab_size")
    if layers is None or hidden is None or vocabulary is None:
        raise StudioError("config.json does not say how large the model is.")
    heads = head_count(text)
    return {
        "layers": layers,
        "hidden_size": hidden,
        "vocabulary_size": vocabulary,
        "heads": heads,
        "kv_heads": size(text, *_KV_HEADS) or heads,
        # GPT-2, BLOOM and GPT-J leave it out and mean four times the width.
        "intermediate_size": size(text, *_INTERMEDIATE) or 4 * hidden,
        "context_length": context_length(text),
    }


def _tied_and_parameters(
    config: dict[str, Any], text: dict[str, Any], tensors: list[Tensor]
) -> dict[str, Any]:
    said = text.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    tied = bool(said) if said is not None else not has_head(tensors)
    counted = [
        tensor
        for tensor in tensors
        if not _BUFFER.search(tensor.name) and not (tied and _HEAD.search(tensor.name))
    ]
    parameters = sum(math.prod(tensor.shape) for tensor in counted)
    return {"tied_embeddings": tied, "parameters": parameters}


def _linear_modules(tensors: list[Tensor]) -> list[str]:
    names = [
        match[1]
        for tensor in tensors
        if len(tensor.shape) == 2
        and not _HEAD.search(tensor.name)
        and not _NOT_LINEAR.search(tensor.name.lower())
        and (match := _LINEAR.search(tensor.name))
    ]
    return list(dict.fromkeys(names))


def _template_facts(folder: Path) -> dict[str, bool]:
    templates = chat_templates(folder)
    return {
        "has_chat_template": bool(templates),
        "chat_template_marks_answers": any(_MARKS_ANSWERS.search(text) for text in templates),
    }


def _licence(folder: Path) -> str | None:
    return _licence_of_card(folder / "README.md") or _licence_of_text(folder)


def _licence_of_card(card: Path) -> str | None:
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    match = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    try:
        front = yaml.safe_load(match[1]) if match else None
    except yaml.YAMLError:
        return None
    if not isinstance(front, dict):
        return None
    name = front.get("license")
    # "other" is the hub's word for a licence that has a name of its own.
    name = front.get("license_name", name) if name == "other" else name
    first = name[0] if isinstance(name, list) and name else name
    return str(first) if first else None


def _licence_of_text(folder: Path) -> str | None:
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"):
        if (folder / name).is_file():
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            start = " ".join(text[:400].lower().split())
            known = (short for words, short in _KNOWN_LICENCES.items() if words in start)
            return next(known, None) or text.strip().split("\n", 1)[0].strip()[:80] or None
    return None
