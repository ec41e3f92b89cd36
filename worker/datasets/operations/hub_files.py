"""Which files of a dataset on the hub hold its rows, and of which split."""

import re
from pathlib import PurePosixPath

from storage.errors import StudioError

_FORMATS = re.compile(r"\.(jsonl|ndjson|json|csv|tsv|parquet)(\.(gz|zip))?", re.IGNORECASE)
_NO_ROWS = re.compile(
    r"(dataset_infos?|state|config|package|package-lock|croissant|metadata)\.json", re.IGNORECASE
)
_ALIKE = (
    frozenset({"train", "training"}),
    frozenset({"test", "testing", "eval", "evaluation"}),
    frozenset({"validation", "valid", "val", "dev"}),
)
"""Words for one split, as in the datasets library's own search by file names."""


def chosen(files: dict[str, int], split: str | None, name: str) -> dict[str, int]:
    """The files with rows and their sizes, in the order of their names.

    Args:
        files: all files of the repository with their sizes in bytes.
        split: keep those with this word in the name of the file or of a folder; all where None.
        name: the dataset, for the sentence.

    Raises:
        StudioError: there are none.
    """
    found = {file: files[file] for file in sorted(files) if _holds_rows(file)}
    if not found:
        raise StudioError(
            f"The dataset '{name}' has no data file that can be read.",
            "It needs JSONL, JSON, CSV, TSV or Parquet files; a loading script is never run.",
        )
    if split is None:
        return found
    wanted = _words_for(split.strip().lower())
    of_split = {file: size for file, size in found.items() if wanted & _words(file)}
    if not of_split:
        raise StudioError(
            f"No file of the dataset '{name}' is named after the split '{split}'.",
            f"Leave the split empty for all, or name one of these: {_seen(found)}.",
        )
    return of_split


def _holds_rows(file: str) -> bool:
    path = PurePosixPath(file)
    plain = "\\" not in file and not path.is_absolute() and ".." not in path.parts
    hidden = any(part.startswith((".", "__")) for part in path.parts)
    fits = _FORMATS.fullmatch("".join(path.suffixes[-2:])) or _FORMATS.fullmatch(path.suffix)
    return plain and not hidden and bool(fits) and not _NO_ROWS.fullmatch(path.name)


def _words_for(split: str) -> frozenset[str]:
    return next((words for words in _ALIKE if split in words), frozenset({split}))


def _words(file: str) -> set[str]:
    """The words of a file's path; those between signs and digits, and whole parts of the path."""
    lower = file.lower()
    parts = PurePosixPath(lower).parts
    whole = {part.split(".")[0] for part in parts}
    return set(re.findall(r"[a-z]+", lower)) | whole


def _seen(files: dict[str, int]) -> str:
    """Words that tell the files apart: splits that are known, or else the files' names."""
    known = frozenset().union(*_ALIKE)
    words = sorted({word for file in files for word in _words(file) & known})
    return ", ".join(words or list(files)[:8])
