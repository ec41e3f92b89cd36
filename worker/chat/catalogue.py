"""Who can be talked to: the names of the chat protocol and the folders behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson


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

    @property
    def words_folder(self) -> Path | None:
        """The adapter's folder where it brings new words and the tokenizer that knows them.

        Its rows of a batch would need another vocabulary: it is answered over a base of its own.
        """
        folder = self.adapter_folder
        return folder if folder is not None and _brings_words(folder) else None

    @property
    def tokenizer_folder(self) -> Path:
        """The folder of the tokenizer that reads and writes for it."""
        return self.words_folder or self.base_folder


class Catalogue(Protocol):
    """Turns the names a client may ask for into contestants."""

    def contestants(self) -> Sequence[Contestant]:
        """Everyone who can be talked to now, in the order they should be listed."""

    def find(self, name: str) -> Contestant:
        """The contestant with this name; raises storage.errors.NotFound when there is none."""


def _brings_words(folder: Path) -> bool:
    """Tells whether an adapter has learned new tokens and brings the tokenizer that knows them."""
    try:
        told = orjson.loads((folder / "adapter_config.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False  # whoever reads it as an adapter says what is wrong
    learned = isinstance(told, dict) and bool(told.get("trainable_token_indices"))
    return learned and (folder / "tokenizer_config.json").is_file()
