"""Some rows token by token, as training would read them: the answer to a question about data."""

from pathlib import Path
from typing import Any

from storage import rows
from storage.errors import StudioError
from worker.training import models, templates
from worker.training.display import Display
from worker.training.templates import Template
from worker.training.tokens import IGNORED, Encoder, Tokens

MOST_ROWS = 20
MOST_SHOWN = 8_000
"""Tokens of one row that are written out."""


def preview(
    rows_folder: Path,
    base_folder: Path,
    numbers: list[int],
    max_length: int,
    response_only: bool,
    chat_format: tuple[str, str | None] = (templates.MODEL, None),
) -> dict[str, Any]:
    """Write rows with a model's chat template and tell which tokens would be learned.

    Args:
        rows_folder: of the prepared rows.
        base_folder: of the model.
        numbers: of the rows, counted from 0; at most `MOST_ROWS`.
        max_length: in tokens; what comes after it is cut.
        response_only: learn the answers only.
        chat_format: its name and, where it is written by hand, its text.

    Returns:
        `template` in words, and `rows`: `row`, `length` in tokens, `learned` (tokens that are
        learned after the cut), `cut_at` (None where nothing is cut) and `tokens`, see `Display`.

    Raises:
        StudioError: there is no such row, or it does not fit the model's chat format.
    """
    tokenizer = models.load_tokenizer(base_folder)
    template = templates.choose(tokenizer, *chat_format)
    encoder = Encoder(tokenizer, template, response_only=response_only)
    display = Display(tokenizer)
    wanted = _existing(rows_folder, numbers)
    found = encoder.encode(rows.pick(rows_folder, wanted))
    return {
        "rows": [
            _row(number, tokens, max_length, display)
            for number, tokens in zip(wanted, found, strict=True)
        ],
        "template": _words(template, response_only=response_only),
    }


def _existing(folder: Path, numbers: list[int]) -> list[int]:
    count = rows.count(folder)
    missing = [number for number in numbers if not 0 <= number < count]
    if missing:
        raise StudioError(
            f"There is no row {missing[0]} in this dataset.", f"It has {count:,} rows."
        )
    return numbers[:MOST_ROWS]


def _row(number: int, tokens: Tokens, max_length: int, display: Display) -> dict[str, Any]:
    length = len(tokens.ids)
    return {
        "row": number,
        "length": length,
        "learned": sum(label != IGNORED for label in tokens.labels[1:max_length]),
        "cut_at": max_length if length > max_length else None,
        "tokens": display.show(tokens.ids[:MOST_SHOWN], tokens.labels[:MOST_SHOWN]),
    }


def _words(template: Template, *, response_only: bool) -> str:
    whose = "a plain one, as the model has none" if template.is_plain else template.words
    return f"{whose}; answers found by {template.marking}" if response_only else whose
