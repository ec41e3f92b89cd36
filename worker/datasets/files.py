"""Recognises files that are unusable as a whole, and says what they are instead of JSON lines."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import NoReturn

from storage.errors import StudioError
from worker.datasets.lines import BOM

SAMPLE = 1 << 18  # bytes looked at from the front
_UPLOAD_JSONL = "Save it as JSON lines (one JSON object a line, UTF-8) and upload that file."
_MAGIC = (
    (b"\x1f\x8b\x08", "compressed with gzip", "Unpack it first, then upload the file inside."),
    (b"BZh", "compressed with bzip2", "Unpack it first, then upload the file inside."),
    (b"\xfd7zXZ\x00", "compressed with xz", "Unpack it first, then upload the file inside."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it first, then upload the file inside."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first, then upload the file inside."),
    (b"PAR1", "a Parquet table", _UPLOAD_JSONL),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _UPLOAD_JSONL),
    (b"%PDF-", "a PDF document", "Copy the text out of it into JSON lines."),
    (b"SQLite format 3\x00", "an SQLite database", _UPLOAD_JSONL),
)
_WIDE_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_WIDE_STARTS = (
    (b"{\x00\x00\x00", "UTF-32"),
    (b"\x00\x00\x00{", "UTF-32"),
    (b"{\x00", "UTF-16"),
    (b"\x00{", "UTF-16"),
)


def refuse_other_formats(source: Path) -> None:
    """Raises `StudioError` for a file that is plainly something other than lines of JSON."""
    with source.open("rb") as stream:
        sample = stream.read(SAMPLE)
    _refuse_binary(source, sample)
    _refuse_wide_text(sample)
    _refuse_one_document(sample.removeprefix(BOM), whole=len(sample) < SAMPLE)


def refuse_table_or_page(source: Path) -> None:
    """Raises `StudioError` where a file without one usable line looks like CSV or a web page."""
    with source.open("rb") as stream:
        text = stream.read(SAMPLE).removeprefix(BOM).decode(errors="replace").lstrip()
    if text[:15].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise StudioError(
            "This is a web page or XML document, not JSON lines.",
            "The download may have failed: open the file to see what it says.",
        )
    columns = _csv_columns(text)
    if columns:
        names = ", ".join(columns[:6])
        raise StudioError(f"This is a CSV table with the columns {names}.", _UPLOAD_JSONL)


def _refuse_binary(source: Path, sample: bytes) -> None:
    if sample.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _refuse_zip(source)
    for magic, name, hint in _MAGIC:
        if sample.startswith(magic):
            raise StudioError(f"This file is {name}, not JSON lines.", hint)


def _refuse_zip(source: Path) -> NoReturn:
    """Office files are zip archives too; the names inside tell which."""
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        names = []
    if any(name.startswith("xl/") for name in names):
        raise StudioError("This file is an Excel workbook, not JSON lines.", _UPLOAD_JSONL)
    if any(name.startswith("word/") for name in names):
        raise StudioError("This file is a Word document, not JSON lines.", _UPLOAD_JSONL)
    raise StudioError(
        "This file is a zip archive, not JSON lines.",
        "Unpack it first, then upload the file inside.",
    )


def _refuse_wide_text(sample: bytes) -> None:
    """Text of two or four bytes a letter: by its mark, or by a NUL beside every Latin letter."""
    marked = next((name for mark, name in _WIDE_MARKS if sample.startswith(mark)), "")
    start = sample.lstrip(b" \t\r\n")
    bare = next((name for mark, name in _WIDE_STARTS if start.startswith(mark)), "")
    if marked or (bare and sample.count(0) > len(sample) // 4):
        raise StudioError(
            f"This file is saved as {marked or bare}, but UTF-8 is needed.",
            "Open it in the program it came from and save it with the encoding UTF-8.",
        )


def _refuse_one_document(sample: bytes, whole: bool) -> None:
    """A JSON array, or objects written over several lines each."""
    text = sample.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode(errors="replace").lstrip()
    first_line = text.partition("\n")[0]
    if text.startswith("[") and not _complete(first_line):
        if _starts_array(text, whole):
            refuse_array()
    elif text.startswith("{") and not _complete(first_line) and _spreads(text, whole):
        raise StudioError(
            "One JSON object is spread over several lines.",
            "Write every example on a line of its own, for example with: jq -c . FILE",
        )


def refuse_array() -> NoReturn:
    """Raises the refusal of a file whose rows are joined into one JSON array."""
    raise StudioError(
        "This file is a JSON array, but one object a line is needed.",
        "Write every element on a line of its own, without the outer [ ] and the commas between, "
        "for example with: jq -c '.[]' FILE",
    )


def _complete(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _starts_array(text: str, whole: bool) -> bool:
    """Whether [ opens a list of objects: after the first one a comma or the end must follow."""
    rest = text[1:].lstrip()
    if not rest.startswith("{"):
        return False
    end = _value_end(rest)
    if end is None:
        return not whole and rest.count("\n") == 0  # an element longer than the sample
    return rest[end:].lstrip()[:1] in {",", "]"}


def _spreads(text: str, whole: bool) -> bool:
    """Whether the first object takes several lines, and so does the next one, if there is one."""
    end = _value_end(text)
    if end is None or "\n" not in text[:end]:
        return False
    rest = text[end:].lstrip(" \t\n,")
    if not rest:
        return True
    following = _value_end(rest)
    if following is None:
        return not whole and rest.startswith("{") and not _complete(rest.partition("\n")[0])
    return "\n" in rest[:following]


def _value_end(text: str) -> int | None:
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return None


def _csv_columns(text: str) -> list[str]:
    """The column names of a table whose first lines all have the same two or more cells."""
    lines = text.splitlines()[:20]
    if not lines or lines[0].startswith(("{", "[")):
        return []
    for delimiter in ",;\t|":
        try:
            rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
        except csv.Error:
            continue
        widths = {len(row) for row in rows[:-1] or rows}
        if len(rows) > 1 and len(widths) == 1 and widths.pop() > 1:
            return [cell.strip()[:40] for cell in rows[0]]
    return []
