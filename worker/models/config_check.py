"""What config.json and the tokenizer may say: no code, a known kind of model, sane sizes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from storage import model_facts
from storage.errors import Fault, StudioError
from worker.models import architectures

# The largest each may be: several times beyond any published model, far below what fills memory.
_LIMITS = {
    "vocab_size": 10_000_000,
    "number of layers": 1_000,
    "hidden size": 200_000,
    "number of attention heads": 10_000,
}

_WHY_NO_CODE = (
    "Such code would run on this machine with all your rights, so the studio never runs it "
    "(trust_remote_code stays off). Choose a model that the transformers library knows by itself."
)


def config_faults(folder: Path) -> list[Fault]:
    """List what is wrong with config.json; an empty list where nothing is."""
    try:
        config = model_facts.read_config(folder)
    except StudioError as error:
        return [Fault("config.json", str(error))]
    messages = [*_code(config), *_kind(config), *_sizes(model_facts.text_config(config))]
    return [Fault("config.json", message) for message in messages]


def tokenizer_faults(folder: Path, config: dict[str, Any] | None) -> list[Fault]:
    """List what is wrong with the tokenizer files that are there.

    Args:
        folder: the model's folder.
        config: its configuration, to compare with; None where that is not sound.
    """
    faults = []
    settings = folder / "tokenizer_config.json"
    try:
        if settings.is_file():
            code = list(_code(model_facts.read_object(settings)))
            faults += [Fault(settings.name, message) for message in code]
        tokens = _tokens(folder)
    except StudioError as error:
        return [*faults, Fault("tokenizer", str(error))]
    room = model_facts.size(model_facts.text_config(config), "vocab_size") if config else None
    if room is not None and tokens > room:
        message = (
            f"The tokenizer knows {tokens:,} tokens, the model has room for {room:,}: "
            "it belongs to another model. Copy the tokenizer files that came with this model."
        )
        faults.append(Fault("tokenizer", message))
    return faults


def _code(settings: dict[str, Any]) -> Iterator[str]:
    """Yield every setting that makes a library load code, at any depth."""
    for name, value in _walk(settings):
        if name == "auto_map":
            yield f"This model needs code of its own (auto_map). {_WHY_NO_CODE}"
        elif name == "trust_remote_code":
            yield f"This model asks for trust_remote_code. {_WHY_NO_CODE}"
        # "owner/name" there is a kernel: compiled code that the library fetches from the hub.
        elif "attn_implementation" in name and isinstance(value, str) and "/" in value:
            yield f"This model asks for attention code from the hub ({value!r}). {_WHY_NO_CODE}"


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name), inner
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _kind(config: dict[str, Any]) -> Iterator[str]:
    model_type, names = config.get("model_type"), config.get("architectures")
    if not isinstance(model_type, str) or not model_type:
        yield "It does not say what kind of model this is (model_type is missing)."
    elif model_type not in architectures.known_model_types():
        yield (
            f"The installed transformers library does not know the model type {model_type!r}. "
            "A newer version may; code that comes with the model is never run."
        )
    elif not isinstance(names, list) or not names or not isinstance(names[0], str):
        yield "It does not name the model's architecture (architectures is missing)."
    elif not _continues_text(config, model_type, names[0]):
        yield (
            f"{names[0]} cannot continue a text, so it cannot be trained to answer or chat with. "
            "Choose a model whose architecture ends in ForCausalLM."
        )


def _continues_text(config: dict[str, Any], model_type: str, architecture: str) -> bool:
    """Whether the weights have a causal head (an encoder's says so only with `is_decoder`)."""
    if architecture not in architectures.text_generators().values():
        return False
    return model_type not in architectures.encoders() or config.get("is_decoder") is True


def _sizes(text: dict[str, Any]) -> Iterator[str]:
    announced = {
        "vocab_size": model_facts.size(text, "vocab_size"),
        "number of layers": model_facts.layer_count(text),
        "hidden size": model_facts.hidden_width(text),
        "number of attention heads": model_facts.head_count(text),
    }
    for what, limit in _LIMITS.items():
        value = announced[what]
        if value is None and what != "number of attention heads":
            yield f"It does not say the {what}."
        elif value is not None and not 1 <= value <= limit:
            yield f"The {what} is {value:,}, which no model has; it must be from 1 to {limit:,}."


def _tokens(folder: Path) -> int:
    """Return how many token ids the tokenizer uses (highest id + 1). Raises StudioError."""
    if (folder / "tokenizer.json").is_file():
        vocabulary = _fast_vocabulary(folder / "tokenizer.json")
    elif (folder / "vocab.json").is_file():
        vocabulary = model_facts.read_object(folder / "vocab.json")
    else:
        return 0
    ids = [value for value in vocabulary.values() if isinstance(value, int)]
    return max(ids, default=-1) + 1


def _fast_vocabulary(path: Path) -> dict[str, int]:
    try:
        return Tokenizer.from_file(str(path)).get_vocab(with_added_tokens=True)
    except Exception as error:  # the library raises nothing narrower for a bad file
        reason = json.dumps(str(error)[:200])
        raise StudioError(f"{path.name} is not a tokenizer: {reason}.") from error
