"""The base model and its tokenizer from a local folder, quantized where asked."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import is_flash_attn_2_available

from storage.errors import StudioError
from storage.specs import RunSpec
from worker.training.precision import Precision

_PROBE_TOKENS = 8
_LEAK = 0.02
"""Share of the largest logit by which a block's second example may change; 8-bit rounds so."""


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a model folder. Raises StudioError where it cannot be read."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable("tokenizer", error) from error
    if tokenizer.pad_token is None and tokenizer.eos_token is None:
        raise StudioError(
            "The base model's tokenizer names no token that ends a text.",
            "Choose another base model.",
        )
    return tokenizer


def load_model(
    folder: Path, spec: RunSpec, precision: Precision, kind: Any = AutoModelForCausalLM, **more: Any
) -> Any:
    """Return the base model on the training device, quantized as the spec says.

    Args:
        folder: of the base model.
        spec: of the run.
        precision: number formats of the run.
        kind: the library's class for what the model shall do: write, or judge.
        **more: what else that class is told, such as how many outputs a judge has.

    Raises:
        StudioError: the weights are missing, damaged, or of no model that can do it.
    """
    try:
        model = kind.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=precision.weights,
            quantization_config=quantization(spec, precision),
            **more,
        )
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable("weights", error) from error
    finish(model, spec, precision)
    return model


def finish(model: Any, spec: RunSpec, precision: Precision) -> None:
    """Set a loaded model up as the spec says: its attention, and nothing that is rounded twice."""
    _choose_attention(model, spec, precision)
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            # Else bitsandbytes repacks 4-bit weights in the first exam, and rounds them once more.
            module.support_avx512bf16_for_cpu = False


def attention_of(model: Any, spec: RunSpec) -> str:
    """Return how a loaded model computes attention, in words where that was not asked for."""
    found: str = model.config._attn_implementation
    if spec.attention in ("auto", found):
        return found
    return f"{found} ({spec.attention} is not possible here)"


def _choose_attention(model: Any, spec: RunSpec, precision: Precision) -> None:
    """Set the implementation that was asked for, where it is installed and the model has it."""
    wanted: str = spec.attention
    has_flash = is_flash_attn_2_available() and precision.compute != torch.float32
    if wanted == "auto":
        wanted = "flash_attention_2" if has_flash else model.config._attn_implementation
    if wanted == "flash_attention_2" and not has_flash:
        return
    with suppress(ValueError, ImportError):  # this model does not have it
        model.set_attn_implementation(wanted)


def require_fitting(tokenizer: Any, model: Any, highest: int) -> None:
    """Check that the tokenizer belongs to the model; gives it another padding token if need be.

    Args:
        tokenizer: the one that the data was encoded with.
        model: the base model.
        highest: the highest token in the data.

    Raises:
        StudioError: the data has tokens that the model does not know.
    """
    known = model.get_input_embeddings().num_embeddings
    if highest >= known:
        raise StudioError(
            f"The tokenizer does not belong to this base model: it knows token {highest}, "
            f"the model only those up to {known - 1}.",
            "Check the model on the Models page; its files seem to come from two models.",
        )
    if tokenizer.pad_token is None or tokenizer.pad_token_id >= known:
        tokenizer.pad_token = tokenizer.eos_token  # padding is never read, so any token does


def quantization(spec: RunSpec, precision: Precision) -> BitsAndBytesConfig | None:
    """Return how the base model's weights are to be shrunk; None: not at all."""
    if spec.quantization == "none":
        return None
    if spec.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=spec.quantization,
        bnb_4bit_use_double_quant=spec.double_quantization,
        bnb_4bit_compute_dtype=precision.compute,
    )


@dataclass(frozen=True)
class _Pair:
    """Two short examples in one block, as token ids of shape (1, 2 * _PROBE_TOKENS)."""

    ids: torch.Tensor
    positions: torch.Tensor


def isolates(model: Any) -> bool:
    """Tell whether examples in one block cannot see each other in this very model.

    Runs two blocks that differ in their first example only: the logits of the second must agree.
    """
    vocabulary = model.config.get_text_config().vocab_size
    tokens = torch.arange(2 * _PROBE_TOKENS, device=model.device) % vocabulary
    positions = (torch.arange(2 * _PROBE_TOKENS, device=model.device) % _PROBE_TOKENS)[None]
    other = tokens.clone()
    other[:_PROBE_TOKENS] = tokens[:_PROBE_TOKENS].flip(0)
    was_training = model.training
    model.eval()
    one, two = (_second_logits(model, _Pair(ids[None], positions)) for ids in (tokens, other))
    model.train(was_training)
    return bool((one - two).abs().max() <= _LEAK * one.abs().max())


@torch.no_grad()
def _second_logits(model: Any, pair: _Pair) -> torch.Tensor:
    out = model(input_ids=pair.ids, position_ids=pair.positions, use_cache=False)
    logits: torch.Tensor = out.logits[:, _PROBE_TOKENS:].float()
    return logits


def _unreadable(what: str, error: Exception) -> StudioError:
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return StudioError(
        f"The base model's {what} cannot be loaded: {first_line}",
        "Check the model on the Models page; it needs the safetensors of a model that writes text.",
    )
