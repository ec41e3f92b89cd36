"""`tuning-studio dataset`: add files and list what is there."""

from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli import waiting
from studio.cli.api import Api
from studio.cli.terminal import Failed, listed, out

commands = typer.Typer(no_args_is_help=True, help="Data to learn from.")

MOST_FAULTS = 20
"""So many unusable lines are shown."""


@commands.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="A .jsonl file.")],
    watch: Annotated[bool, typer.Option(help="Wait until it is read, and say what was found.")] = (
        False
    ),
) -> None:
    """Upload a file; prints the new dataset's id."""
    with Api() as api:
        found = uploaded(api, file)
        out.print(found["id"])
        if watch:
            _report(waiting.for_work(api, f"/datasets/{found['id']}"))


@commands.command("list")
def listing() -> None:
    """List the datasets."""
    with Api() as api:
        found = api.get("/datasets")
    listed(found, ["id", "name", "status", "shape", "rows_good", "rows_refused"])


def uploaded(api: Api, file: Path) -> Any:
    """Upload a file, read in blocks, and return the dataset. Raises Failed."""
    try:
        with file.open("rb") as content:
            return api.post("/datasets", files={"file": (file.name, content)})
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}.") from error


def _report(found: dict[str, Any]) -> None:
    if found["status"] == "failed":
        raise Failed(found["error"], found["hint"] or "")
    out.print(f"{found['rows_good']} good rows, {found['rows_refused']} refused")
    for fault in found["faults"][:MOST_FAULTS]:
        out.print(f"line {fault['line']}, column {fault['column']}: {fault['reason']}")
