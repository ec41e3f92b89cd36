"""`tuning-studio audit`: check the audit trail and take it away; no studio need run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from storage import settings as stored
from storage.audit_anchor import Anchor
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from studio.cli.api import settings
from studio.cli.terminal import Failed, out
from studio.words import say

_HEX_DIGITS: Final = 64  # of a SHA-256

commands = typer.Typer(no_args_is_help=True, help="The audit trail: what was done, in a chain.")


@commands.command("verify")
def verify(
    known: Annotated[
        str, typer.Option(help="NUMBER:HASH of an entry that an earlier check told.")
    ] = "",
) -> None:
    """Check that no entry was changed, taken out or put in. Exit status 1 where one was.

    Tells the newest entry's number and hash; kept on another machine and given to a later check,
    they show even that the whole trail was written anew.
    """
    from storage import audit_check  # noqa: PLC0415  (the database's library: help does not wait)

    anchor = _anchor(known)
    with _opened() as database:
        found = audit_check.verify(database, anchor)
    if found.broken is not None:
        words = say(f"audit.broken.{found.broken}", n=found.at)
        raise Failed(words, say("audit.broken.hint"))
    out.print(say("audit.whole", n=found.entries))
    if found.last is not None:
        out.print(say("audit.newest", n=found.last.number, hash=found.last.hash))


@commands.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="FILE.csv or FILE.jsonl.")],
) -> None:
    """Write all entries into a file, the oldest first; prints its name."""
    from storage import audit, audit_files  # noqa: PLC0415  (as before)

    kind: Any = file.suffix.lower().removeprefix(".")
    if kind not in ("csv", "jsonl"):
        raise Failed("The file's name must end in .csv or .jsonl.", status=2)
    part = file.with_name(f".{file.name}.part")
    with _opened() as database:
        audit.noted(database, LOCAL_PERSON, audit.Action.TRAIL_EXPORTED, "audit", {"format": kind})
        try:
            with part.open("wb") as target:
                target.writelines(audit_files.blocks(database, audit.Wanted(), kind))
            part.replace(file)
        except OSError as error:
            raise Failed(f"{file} cannot be written: {error.strerror}.") from error
        finally:
            part.unlink(missing_ok=True)
    out.print(str(file))


@contextmanager
def _opened() -> Iterator[Any]:
    """Give the database of the studio's home."""
    from storage import audit_home  # noqa: PLC0415  (as before)

    settings()  # in words where a variable cannot be read
    try:
        with audit_home.opened(stored.load()) as database:
            yield database
    except StudioError as error:
        raise Failed(error.message, error.hint) from error


def _anchor(known: str) -> Anchor | None:
    if not known:
        return None
    number, _, digest = known.partition(":")
    if not number.isdecimal() or len(digest) != _HEX_DIGITS:
        raise Failed("--known must be NUMBER:HASH, as an earlier check told it.", status=2)
    return Anchor(int(number), digest.lower())
