"""Names files that hold no examples in any form, and says what to do about them."""

from storage.errors import StudioError

_UNPACK = "Unpack it first, then upload the file inside, or pack it as .zip or .gz."
_SAVE_AS_CSV = "Save the sheet as CSV (in the spreadsheet: Save as, CSV UTF-8) and upload that."
_COPY = "Copy its text into a table or a JSONL file and upload that."
_EXPORT = "Export the table you need as CSV and upload that."
_MAGIC = (
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _SAVE_AS_CSV),
    (b"%PDF-", "a PDF document", _COPY),
    (b"{\\rtf", "a rich text document", _COPY),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"ARROW1\x00\x00", "an Arrow file", "Save it as Parquet and upload that."),
    (b"\x89PNG\r\n", "a picture", _COPY),
    (b"\xff\xd8\xff", "a picture", _COPY),
    (b"GIF8", "a picture", _COPY),
)
_PAGES = (b"<!doctype", b"<html", b"<?xml")


class NoExamples(StudioError):
    """The file is of a kind that holds no examples; in an archive it is left out and named."""


def refuse_binary(head: bytes) -> None:
    """Raises `NoExamples` for a file that is plainly something else than text."""
    for magic, name, hint in _MAGIC:
        if head.startswith(magic):
            raise NoExamples(f"This file is {name}.", hint)
    if head[257:262] == b"ustar":
        raise NoExamples("This file is a tar archive.", _UNPACK)


def refuse_page(head: bytes) -> None:
    """Raises `NoExamples` for a web page or XML document."""
    if head[:500].lstrip()[:15].lower().startswith(_PAGES):
        raise NoExamples(
            "This is a web page or XML document, not a file with examples.",
            "The download may have failed: open the file to see what it says.",
        )
