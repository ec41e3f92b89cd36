"""Reads an adapter folder without trusting it: known settings, safetensors, finite numbers."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import orjson
import torch
from peft import IA3Config, LoraConfig
from safetensors import SafetensorError
from safetensors.torch import load_file

from storage.errors import StudioError

CONFIG_NAME: Final = "adapter_config.json"
WEIGHTS_NAME: Final = "adapter_model.safetensors"
LARGEST_SCALE: Final = 1000.0

# Settings of PEFT's adapters that change the result in ways the mixed batch does not compute.
_UNMIXABLE: Final = (
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "layer_replication",
    "lora_bias",
    "modules_to_save",
    "monteclora_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_qalora",
    "velora_config",
)
# These ways to start an adapter leave the base model's weights as they were; pissa, olora and
# their kin change them, so that the saved tensors fit the changed base only.
_PLAIN_STARTS: Final = (True, False, "gaussian", "eva", "orthogonal")
_KINDS: Final[dict[str, type[LoraConfig] | type[IA3Config]]] = {
    "LORA": LoraConfig,
    "IA3": IA3Config,
}
_RETRAIN: Final = "Train it again in the studio, or choose another one."


@dataclass(frozen=True)
class AdapterFile:
    """An adapter as it lies on disk, checked as far as that is possible without its base model.

    Attributes:
        name: its folder's name, for messages.
        config: PEFT's reading of `adapter_config.json`: of a LoRA or an IA3 adapter.
        tensors: by their name in the file, without PEFT's `base_model.model.` in front.
    """

    name: str
    config: LoraConfig | IA3Config
    tensors: dict[str, torch.Tensor]


def read(folder: Path) -> AdapterFile:
    """Reads and checks the adapter in `folder`; raises StudioError in words a person can use."""
    config = _config(folder)
    return AdapterFile(folder.name, config, _tensors(folder))


def _config(folder: Path) -> LoraConfig | IA3Config:
    told = _told(folder)
    kind = _KINDS.get(str(told.get("peft_type")))
    if kind is None:
        raise StudioError(
            f'The adapter "{folder.name}" is of the kind {told.get("peft_type")}; only LoRA and '
            "IA3 can be talked to.",
            "PEFT's convert_to_lora turns many other kinds into LoRA.",
        )
    known = {field.name for field in fields(kind)}
    _refuse_unknown(folder.name, told, known)
    try:
        config = kind(**{key: told[key] for key in told if key in known - {"runtime_config"}})
    except (TypeError, ValueError) as error:
        raise StudioError(
            f'The settings of "{folder.name}" do not fit together: {error}.'
        ) from error
    _refuse_unmixable(folder.name, config)
    return config


def _told(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_NAME
    try:
        told = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise StudioError(
            f'There is no {CONFIG_NAME} in the adapter "{folder.name}".', _RETRAIN
        ) from error
    except orjson.JSONDecodeError as error:
        raise StudioError(
            f'{CONFIG_NAME} of the adapter "{folder.name}" is damaged: {error}.', _RETRAIN
        ) from error
    if not isinstance(told, dict):
        raise StudioError(f'{CONFIG_NAME} of the adapter "{folder.name}" holds no settings.')
    return told


def _refuse_unknown(name: str, told: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(key for key in told if key not in known and told[key])
    if unknown:
        raise StudioError(
            f'The adapter "{name}" has settings this studio does not know: {", ".join(unknown)}.',
            "It was made by a newer or changed PEFT.",
        )


def _refuse_unmixable(name: str, config: LoraConfig | IA3Config) -> None:
    used = [key for key in _UNMIXABLE if getattr(config, key, None)]
    if isinstance(config, LoraConfig) and config.init_lora_weights not in _PLAIN_STARTS:
        used.append(f"init_lora_weights={config.init_lora_weights}")
    if isinstance(config, LoraConfig) and config.bias != "none":
        used.append(f"bias={config.bias}")
    if used == ["trainable_token_indices"]:
        raise StudioError(
            f'The adapter "{name}" has new words, but not the tokenizer that knows them.',
            "The finished adapter brings it; a checkpoint does not.",
        )
    if used:
        raise StudioError(
            f'The adapter "{name}" uses {", ".join(used)}, which the chat does not support.',
            "It can still be downloaded and used with PEFT.",
        )


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        raise _without_weights(folder)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise StudioError(
            f'{WEIGHTS_NAME} of the adapter "{folder.name}" is damaged: {error}.', _RETRAIN
        ) from error
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise StudioError(
                f'The adapter "{folder.name}" holds values that are not numbers, in {key}.',
                "Its training went wrong; train it again with a smaller learning rate.",
            )
    return {key.removeprefix("base_model.model."): tensors[key] for key in tensors}


def _without_weights(folder: Path) -> StudioError:
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if pickles:
        return StudioError(
            f'The adapter "{folder.name}" is stored as {pickles[0]}, a format that can run code.',
            "Convert it to safetensors; the studio never opens such files.",
        )
    return StudioError(f'There is no {WEIGHTS_NAME} in the adapter "{folder.name}".', _RETRAIN)
