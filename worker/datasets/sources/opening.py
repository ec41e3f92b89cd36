"""Recognises by its content what a file is, and gives its parts."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from storage.errors import StudioError
from worker.datasets.faults import quoted
from worker.datasets.sources.batch import Limits, Part
from worker.datasets.sources.content import Content, PlainFile
from worker.datasets.sources.cursor import Unified
from worker.datasets.sources.dialect import recognised
from worker.datasets.sources.documents import Following, Listed
from worker.datasets.sources.encodings import as_utf8, is_utf8
from worker.datasets.sources.jsonl import BOM, Lines
from worker.datasets.sources.kinds import NoExamples, refuse_binary, refuse_page
from worker.datasets.sources.layout import SAMPLE, Layout, layout
from worker.datasets.sources.marked import marked
from worker.datasets.sources.objects import parts_of_object
from worker.datasets.sources.packed import GZIP_MAGIC, Gzip
from worker.datasets.sources.parquet import PARQUET_MAGIC, parquet_part
from worker.datasets.sources.tables import Table
from worker.datasets.sources.zips import ZIP_MAGIC, Member, members

_BESIDE = {".txt", ".md", ".rst", ".pdf", ".html", ".htm", ".py", ".ipynb", ".yaml", ".yml"}


def opened(path: Path, limits: Limits) -> list[Part]:
    """The parts of a file, in the file's order; never none.

    Raises:
        StudioError: the file cannot be used as a whole.
    """
    content = PlainFile(path)
    if content.head(4).startswith(ZIP_MAGIC):
        return _of_archive(path, limits)
    return _of_content(content, limits, "")


def _of_archive(path: Path, limits: Limits) -> list[Part]:
    parts: list[Part] = []
    left_out: list[str] = []
    for member in members(path, limits):
        try:
            parts += _of_member(member, limits)
        except NoExamples as reason:
            left_out.append(f"{quoted(member.info.filename, 80)} ({reason.message.rstrip('.')})")
    if not parts:
        there = f" It holds {', '.join(left_out[:5])}." if left_out else ""
        raise StudioError(
            f"The archive holds no file with examples.{there}",
            "Put a .jsonl, .json, .csv, .tsv or .parquet file into it, or upload that by itself.",
        )
    if left_out:
        more = f" and {len(left_out) - 20} more" if len(left_out) > 20 else ""
        note = f"Files of the archive that were left out: {', '.join(left_out[:20])}{more}."
        parts[0] = replace(parts[0], notes=(*parts[0].notes, note))
    return marked(parts)


def _of_member(member: Member, limits: Limits) -> list[Part]:
    name = member.info.filename
    pure = PurePosixPath(name)
    if pure.suffix.lower() in _BESIDE or not pure.suffix:
        raise NoExamples("not a file with examples, by its name")
    head = member.head(4)
    if not head:
        raise NoExamples("empty")
    if head.startswith(ZIP_MAGIC):
        raise StudioError(
            f"The archive holds another archive or an office document: {quoted(name, 80)}.",
            "Unpack that one, and upload what is inside (a sheet saved as CSV).",
        )
    try:
        return _of_content(member, limits, name)
    except NoExamples:
        raise
    except StudioError as error:
        place = f"{quoted(name, 80)} in the archive: "
        known = name in error.message
        raise StudioError(error.message if known else place + error.message, error.hint) from None


def _of_content(content: Content, limits: Limits, name: str) -> list[Part]:
    head = content.head(SAMPLE)
    if head.startswith(GZIP_MAGIC):
        content = Gzip(content, limits)
        head = content.head(SAMPLE)
        if head.startswith((GZIP_MAGIC, *ZIP_MAGIC)):
            raise StudioError(
                "What is packed in this file is packed again.",
                "Unpack it first, then upload the file inside.",
            )
    if head.startswith(PARQUET_MAGIC):
        return [parquet_part(content, limits, name)]
    refuse_binary(head)
    return _of_text(as_utf8(content), name)


def _of_text(content: Content, name: str) -> list[Part]:
    start = content.head(SAMPLE).removeprefix(BOM)
    refuse_page(start)
    if start.lstrip()[:1] in (b"{", b"["):
        return _of_json(content, name)
    dialect = recognised(start.decode(errors="replace"), len(start) < SAMPLE - len(BOM))
    if dialect is None:
        return [_lines(content, name)]
    if not dialect.rows:
        columns = ", ".join(quoted(column) for column in dialect.header[:6])
        raise StudioError(
            f"The table has the columns {columns}, but no rows.",
            "Fill in one example a row below the column names.",
        )
    notes = dialect.notes
    if not is_utf8(content):
        notes += ("Some lines are not UTF-8; they were read as Windows-1252, as Excel saves them.",)
    kind = "tsv" if dialect.delimiter == "\t" else "csv"
    table = Table(
        name=name, format=kind, size=content.size, notes=notes, content=content, dialect=dialect
    )
    return [table]


def _of_json(content: Content, name: str) -> list[Part]:
    unified = Unified(content)
    kind = layout(unified)
    if kind is Layout.LINES:
        return [_lines(content, name)]
    if kind is Layout.LIST:
        return [Listed(name=name, format="json", size=content.size, content=unified)]
    following = Following(name=name, format="json", size=content.size, content=unified)
    if kind is Layout.FOLLOWING:
        return [following]
    parts = parts_of_object(unified, name)
    if kind is Layout.OBJECT:
        return parts or [following]
    return parts if parts and not isinstance(parts[0], Following) else [_lines(content, name)]


def _lines(content: Content, name: str) -> Lines:
    path = content.path if isinstance(content, PlainFile) else None
    return Lines(name=name, format="jsonl", size=content.size, content=content, path=path)
