"""`tuning-studio adapter`: list and download what runs have made."""

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.api import Api
from studio.cli.terminal import listed, out

commands = typer.Typer(no_args_is_help=True, help="Adapters: what runs have made.")


@commands.command("list")
def listing() -> None:
    """List the adapters."""
    with Api() as api:
        adapters = api.get("/adapters")
    listed(adapters, ["id", "name", "step", "eval_loss", "run_id"])


@commands.command("download")
def download(
    adapter_id: Annotated[str, typer.Argument(help="The adapter's id.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to put the zip.")
    ] = None,
) -> None:
    """Download an adapter as a zip in PEFT's layout; prints the file's name."""
    target = output or Path(f"{adapter_id}.zip")
    with Api() as api:
        api.save(f"/adapters/{adapter_id}/download", target)
    out.print(str(target))
