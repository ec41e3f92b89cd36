"""The number format of a run: what this machine computes well, or what the person asked for."""

from dataclasses import dataclass

import torch

from storage.errors import StudioError
from storage.specs import RunSpec


@dataclass(frozen=True)
class Precision:
    """Number formats of a run.

    Attributes:
        name: for the person: float32, bfloat16 or float16.
        weights: of the frozen base model in memory.
        compute: of matrix products.
        autocast: whether products run in `compute` while the adapter itself stays float32.
    """

    name: str
    weights: torch.dtype
    compute: torch.dtype
    autocast: bool


def of(spec: RunSpec) -> Precision:
    """Return the number formats of a run on this machine.

    Raises:
        StudioError: the machine does not compute in the format that was asked for.
    """
    name = _automatic() if spec.precision == "auto" else spec.precision
    if name == "float16" and not torch.cuda.is_available():
        raise StudioError(
            "16-bit numbers of the float16 kind need a graphics card.",
            "Set the number format to Automatic.",
        )
    if name == "bfloat16" and torch.cuda.is_available() and not _card_has_bfloat16():
        raise StudioError(
            "This graphics card does not compute in bfloat16.",
            "Set the number format to Automatic, or to float16.",
        )
    if name == "float32":
        return Precision(name, torch.float32, torch.float32, autocast=False)
    dtype = torch.bfloat16 if name == "bfloat16" else torch.float16
    on_card = torch.cuda.is_available()
    return Precision(name, dtype if on_card else torch.float32, dtype, autocast=True)


def _automatic() -> str:
    if torch.cuda.is_available():
        return "bfloat16" if _card_has_bfloat16() else "float16"
    return "float32"


def _card_has_bfloat16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
