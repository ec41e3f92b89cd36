"""The number format of a run: what this machine computes well, or what the person asked for."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from storage.errors import StudioError
from storage.specs import RunSpec

_WIDE = 256
"""Hidden numbers a token from which products in bfloat16 save more than casting costs a CPU."""


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

    @property
    def products(self) -> torch.dtype | None:
        """The format that autocast gives products over float32 weights; None: it does not."""
        return self.compute if self.autocast and self.weights == torch.float32 else None


def of(spec: RunSpec, folder: Path | None = None) -> Precision:
    """Return the number formats of a run on this machine.

    Args:
        spec: what the person asked for.
        folder: of the base model. Automatic is bfloat16 on a processor that multiplies it quickly
            (AMX, AVX-512 BF16) where the model is wide enough; float32 where no folder is given.

    Raises:
        StudioError: the machine does not compute in the format that was asked for.
    """
    name = _automatic(folder) if spec.precision == "auto" else spec.precision
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


def _automatic(folder: Path | None) -> str:
    if torch.cuda.is_available():
        return "bfloat16" if _card_has_bfloat16() else "float16"
    is_quick = folder is not None and _processor_has_bfloat16() and _is_wide(folder)
    return "bfloat16" if is_quick else "float32"


def _processor_has_bfloat16() -> bool:
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def _is_wide(folder: Path) -> bool:
    config = json.loads((folder / "config.json").read_bytes())
    text = config.get("text_config", config)
    return max(int(text.get(name, 0)) for name in ("hidden_size", "n_embd", "d_model")) >= _WIDE


def _card_has_bfloat16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
