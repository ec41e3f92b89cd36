"""`tuning-studio model`: add base models and list what is there."""

from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli import waiting
from studio.cli.api import Api
from studio.cli.terminal import Failed, listed, out

commands = typer.Typer(no_args_is_help=True, help="Base models to start from.")


@commands.command("add")
def add(
    reference: Annotated[
        str, typer.Argument(help="A model folder, a hub name such as owner/name, or: starter")
    ],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    watch: Annotated[bool, typer.Option(help="Wait until it is ready.")] = False,
) -> None:
    """Add a base model; prints its id."""
    with Api() as api:
        found = api.post("/models", {**_where(reference), "revision": revision, "name": name})
        out.print(found["id"])
        if watch:
            _report(waiting.for_work(api, f"/models/{found['id']}"))


@commands.command("list")
def listing() -> None:
    """List the base models."""
    with Api() as api:
        listed(api.get("/models"), ["id", "name", "status", "source", "reference"])


def _where(reference: str) -> dict[str, str]:
    if reference == "starter":
        return {"source": "starter"}
    folder = Path(reference).expanduser()
    if folder.is_dir():
        return {"source": "folder", "reference": str(folder.resolve())}
    return {"source": "hub", "reference": reference}


def _report(found: dict[str, Any]) -> None:
    if found["status"] == "failed":
        raise Failed(found["error"], found["hint"] or "")
    out.print(f"{found['name']} is ready")
