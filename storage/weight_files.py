"""Safetensors files as their headers describe them: names, shapes and sizes, never the weights."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import StudioError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

# The largest header the safetensors library itself accepts, in bytes.
_LONGEST_HEADER = 100_000_000

# The header's one entry that is no tensor.
_METADATA = "__metadata__"

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip

_LOOKALIKES = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the weights themselves",
     "Run 'git lfs pull' in the folder, or download the model again."),
    (b"<!doctype html", "is a web page saved under this name, not weights",
     "Download the file again; the page probably asked for a login."),
    (b"<html", "is a web page saved under this name, not weights",
     "Download the file again; the page probably asked for a login."),
    (b"PK\x03\x04", "is a PyTorch pickle archive under this name, not safetensors",
     "Ask for a version of the model saved as safetensors."),
)  # fmt: skip


class DamagedWeights(StudioError):
    """A safetensors file is cut off, is something else, or contradicts its own header."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a safetensors file; `bytes` is the room it takes in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


def of_folder(folder: Path) -> list[Path]:
    """Return the weight files that the model consists of; those that are missing included.

    One `model.safetensors` comes before the index, as in the transformers library. Raises
    DamagedWeights where the index is no index or names a file outside the folder.
    """
    if (folder / SINGLE).exists():
        return [folder / SINGLE]
    if not (folder / INDEX).exists():
        return []
    return [folder / name for name in sorted(set(weight_map(folder).values()))]


def weight_map(folder: Path) -> dict[str, str]:
    """Return the index's mapping from a tensor's name to its file. Raises DamagedWeights."""
    try:
        entries = json.loads((folder / INDEX).read_bytes())["weight_map"]
        files = {str(name): str(file) for name, file in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedWeights(f"{INDEX} is not a list of weight files.") from error
    for file in files.values():
        # The library would follow such a path and load another person's file.
        if Path(file).name != file or "\\" in file or file in (".", ".."):
            raise DamagedWeights(
                f"{INDEX} names a file outside the model's folder: {file!r}.",
                "Get the model from a source you trust.",
            )
    return files


def tensors(path: Path) -> list[Tensor]:
    """Return the tensors of a safetensors file, in the header's order.

    Reads the header alone, and compares it with the file's size. Layout: 8 bytes of header
    length (little endian), the header as JSON, the data
    (https://github.com/huggingface/safetensors#format). Raises DamagedWeights.
    """
    header = json_header(path)
    return [_tensor(path, name, entry) for name, entry in header.items() if name != _METADATA]


def json_header(path: Path) -> dict[str, Any]:
    """Return the raw header of a whole safetensors file. Raises DamagedWeights."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
        _refuse_lookalike(path, start)
        if size < 8:
            raise DamagedWeights(f"{path.name} is empty or cut off: it has {size:,} bytes.")
        length = struct.unpack("<Q", start[:8])[0]
        if length > _LONGEST_HEADER or start[8:9] not in (b"{", b""):
            raise DamagedWeights(f"{path.name} is not a safetensors file.")
        if size < 8 + length:
            raise _cut_off(path, size, 8 + length, "at least ")
        file.seek(8)
        header = _parsed(path, file.read(length))
    _compare_sizes(path, size, 8 + length + _data_end(path, header))
    return header


def _refuse_lookalike(path: Path, start: bytes) -> None:
    text = start.lstrip().lower()
    for sign, what, hint in _LOOKALIKES:
        if text.startswith(sign.lower()):
            raise DamagedWeights(f"{path.name} {what}.", hint)


def _parsed(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DamagedWeights(f"{path.name} has a damaged header.") from error
    if not isinstance(header, dict):
        raise DamagedWeights(f"{path.name} has a damaged header.")
    return header


def _data_end(path: Path, header: dict[str, Any]) -> int:
    try:
        entries = [entry for name, entry in header.items() if name != _METADATA]
        return max((int(entry["data_offsets"][1]) for entry in entries), default=0)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedWeights(f"{path.name} has a damaged header.") from error


def _compare_sizes(path: Path, size: int, promised: int) -> None:
    if size < promised:
        raise _cut_off(path, size, promised, "")
    if size > promised:
        raise DamagedWeights(
            f"{path.name} has {size:,} bytes, its header describes {promised:,}.",
            "Download the file again.",
        )


def _cut_off(path: Path, size: int, promised: int, at_least: str) -> DamagedWeights:
    return DamagedWeights(
        f"{path.name} is cut off: it has {size:,} bytes, its header promises "
        f"{at_least}{promised:,}.",
        "Download or copy the file again.",
    )


def _tensor(path: Path, name: str, entry: Any) -> Tensor:
    try:
        start, end = (int(offset) for offset in entry["data_offsets"])
        shape = tuple(int(length) for length in entry["shape"])
        bits = _BITS[entry["dtype"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedWeights(f"{path.name} describes {name!r} in a way nobody can read.") from error
    if min(shape, default=0) < 0 or (end - start) * 8 != math.prod(shape) * bits:
        raise DamagedWeights(f"{path.name} contradicts itself about the size of {name!r}.")
    return Tensor(name, entry["dtype"], shape, end - start)
