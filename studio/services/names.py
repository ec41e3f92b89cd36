"""Names that people give: kept as they are, but for what would break a line or a page."""

import re
import unicodedata

LONGEST = 120

KINDS = (".gz", ".zip", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
"""Endings of the files that the studio reads."""

_UNSAFE_IN_A_FILE_NAME = re.compile(r"[^\w.-]+")


def tidy(name: str, otherwise: str) -> str:
    """Return the name without control and direction characters, 120 characters at most."""
    kept = "".join(" " if _breaks(character) else character for character in name)
    return " ".join(kept.split())[:LONGEST] or otherwise


def of_upload(file_name: str) -> str:
    """Return a display name for an uploaded file: its last part, never a path."""
    return tidy(re.split(r"[/\\]", file_name)[-1], "Untitled data")


def for_download(name: str, suffix: str) -> str:
    """Return a file name that every system accepts, for a download."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return (_UNSAFE_IN_A_FILE_NAME.sub("-", plain).strip("-.")[:80] or "studio") + suffix


def without_kind(name: str) -> str:
    """Return the name of a data file without its endings: rows of `rows.jsonl.gz`."""
    for kind in KINDS:
        if name.lower().endswith(kind) and len(name) > len(kind):
            name = name[: -len(kind)]
    return name


def _breaks(character: str) -> bool:
    """Tell whether a character is a control, a direction override or a line separator."""
    return unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"}
