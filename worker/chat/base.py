"""The one base model that stays in memory, and what must be known to talk to it."""

import inspect
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import torch
from peft import PeftModel
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel
from transformers.cache_utils import DummyLayer, DynamicLayer, DynamicSlidingWindowLayer

from storage import model_facts, weight_files
from storage.errors import StudioError

# Above this many bytes of weights a processor answers in bfloat16: twice the size does not fit.
_LARGE_BYTES: Final = 4_000_000_000

# These take no positions: they weigh distances, counted in the mask, in code of their own.
_COUNT_THEMSELVES: Final = ("bloom",)
_UNTOLD_LENGTH: Final = 2048

# Numbers that are loaded in the format the chat computes in; all others stay as they are stored.
_NUMBERS: Final = ("F64", "F32", "F16", "BF16")

# Layers whose memory is what was read, or that look into another layer's. Windows are in the masks.
_KEEP_ALL: Final = (DynamicLayer, DynamicSlidingWindowLayer, DummyLayer)


@dataclass(frozen=True, eq=False)
class Base:
    """A loaded base model.

    Attributes:
        folder: where it was loaded from.
        ends: the tokens that end an answer.
        vocabulary: number of tokens the model can read and write.
    """

    folder: Path
    model: PreTrainedModel
    tokenizer: Any
    ends: frozenset[int]
    vocabulary: int

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return torch.device(self.model.device)

    def logits(self, tokens: torch.Tensor, mask: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
        """Reads `tokens` behind what `cache` holds; returns what may come next.

        Args:
            tokens: shape [rows, new], padded on the left.
            mask: shape [rows, cached + new], 1 where there is a token and 0 where padding.
            cache: is extended by the new tokens.

        Returns:
            float32 on the CPU, shape [rows, vocabulary].
        """
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        padded = bool((mask == 0).any())
        counts_itself = self.model.config.model_type in _COUNT_THEMSELVES
        given = {} if counts_itself else {"position_ids": positions}
        output = self.model(
            input_ids=tokens,
            attention_mask=mask if padded or counts_itself else None,
            **given,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float().cpu()


def load(folder: Path, words: Path | None = None) -> Base:
    """Loads the model in `folder`: safetensors only, no code from the folder, no network.

    Args:
        folder: an ordinary Hugging Face model folder.
        words: an adapter's with new words, which is put on the model together with its tokenizer.

    Raises:
        StudioError: the folder is incomplete or damaged, or of a kind the chat cannot run.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            words or folder, local_files_only=True, trust_remote_code=False
        )
        model, report = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=_dtype(folder),
            device_map={"": 0} if torch.cuda.is_available() else None,
            attn_implementation="eager" if _counts_itself(folder) else "sdpa",
            local_files_only=True,
            output_loading_info=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise StudioError(
            f'The base model "{folder.name}" cannot be loaded: {error}',
            "Check the model's page, or add the model again.",
        ) from error
    _refuse_unusable(folder, model, report)
    if words is not None:
        model = _with_words(model, tokenizer, words)
    model.eval()
    _lay_out(model)
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    return Base(folder, model, tokenizer, _ends(model, tokenizer), vocabulary)


@lru_cache(maxsize=64)
def context_length(folder: Path) -> int:
    """How many tokens the model in `folder` can hold at once; read from its config alone."""
    told = _told(folder)
    length = model_facts.context_length(model_facts.text_config(told))
    if length is not None:
        return length
    if _counts_itself(folder):  # no limit of its own; it learned with so many
        return _UNTOLD_LENGTH
    raise StudioError(f'The base model "{folder.name}" does not say how long its context is.')


def _told(folder: Path) -> dict[str, Any]:
    try:
        return model_facts.read_config(folder)
    except StudioError as error:
        raise StudioError(
            f'The base model "{folder.name}" has no readable config.json.', "Add the model again."
        ) from error


def _counts_itself(folder: Path) -> bool:
    return _told(folder).get("model_type") in _COUNT_THEMSELVES


def bytes_of(folder: Path) -> int:
    """Bytes that the weights in a folder take once they are loaded here. Raises StudioError."""
    tensors = [
        each for file in weight_files.of_folder(folder) for each in weight_files.tensors(file)
    ]
    size = _dtype(folder).itemsize
    return sum(
        size * math.prod(each.shape) if each.dtype in _NUMBERS else each.bytes for each in tensors
    )


def _dtype(folder: Path) -> torch.dtype:
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return torch.bfloat16 if size > _LARGE_BYTES else torch.float32


def _refuse_unusable(folder: Path, model: PreTrainedModel, report: dict[str, Any]) -> None:
    missing = sorted(report["missing_keys"])
    if missing:
        raise StudioError(
            f'The base model "{folder.name}" lacks weights: {missing[0]} and '
            f"{len(missing) - 1} others.",
            "Add the model again.",
        )
    accepted = inspect.signature(model.forward).parameters
    layers = DynamicCache(config=model.config).layers
    needed = {"position_ids", "logits_to_keep"}
    if model.config.model_type in _COUNT_THEMSELVES:
        needed = {"logits_to_keep"}
    if not needed <= set(accepted) or not all(type(layer) in _KEEP_ALL for layer in layers):
        raise StudioError(
            f'Models of the kind {model.config.model_type}, like "{folder.name}", cannot be '
            "talked to here yet.",
            "Choose a model of the Llama, Mistral, Qwen, Gemma, Phi or GPT-2 families.",
        )


def _with_words(model: PreTrainedModel, tokenizer: Any, words: Path) -> PreTrainedModel:
    """The model with the adapter in its layers, as PEFT itself computes it."""
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    try:
        adapted: PreTrainedModel = PeftModel.from_pretrained(model, words).get_base_model()
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise StudioError(
            f'The adapter "{words.name}" cannot be put on its base model: {error}',
            "Choose the base model that the adapter was trained on.",
        ) from error
    return adapted


def _lay_out(model: PreTrainedModel) -> None:
    """Stores the weights of linear layers input by input where a processor computes in float32.

    The same numbers in the same memory, in the other order: products with a few rows, which is
    what writing a token for several contestants is, then need no packing of the weights.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.weight.dtype is torch.float32:
            weight = module.weight
            if weight.device.type == "cpu" and weight.is_contiguous():
                weight.data = weight.data.T.contiguous().T


def _ends(model: PreTrainedModel, tokenizer: Any) -> frozenset[int]:
    told = model.generation_config.eos_token_id
    ends = told if isinstance(told, list) else [told]
    return frozenset(token for token in [*ends, tokenizer.eos_token_id] if token is not None)
