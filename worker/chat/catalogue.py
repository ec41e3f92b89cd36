"""Who can be talked to: the names of the chat protocol and the folders behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Contestant:
    """One voice in a comparison: a base model, alone or with one adapter on top.

    Attributes:
        name: the `model` string of the chat protocol, such as `base:3` or `adapter:7`.
        title: what a person calls it.
        base_folder: the base model, an ordinary Hugging Face model folder.
        adapter_folder: the adapter in PEFT's layout; None for the base model alone.
        base_id: what the base model is called in the studio's own records.
    """

    name: str
    title: str
    base_folder: Path
    adapter_folder: Path | None
    base_id: str


class Catalogue(Protocol):
    """Turns the names a client may ask for into contestants."""

    def contestants(self) -> Sequence[Contestant]:
        """Everyone who can be talked to now, in the order they should be listed."""

    def find(self, name: str) -> Contestant:
        """The contestant with this name; raises storage.errors.NotFound when there is none."""
