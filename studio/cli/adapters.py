"""`tuning-studio adapter`: list and download what runs have made."""

from pathlib import Path
from typing import Annotated

import httpx
import typer

from studio.cli.api import Api, Unreachable, checked
from studio.cli.terminal import Failed, listed, out

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
        try:
            with api.stream(f"/adapters/{adapter_id}/download") as answer:
                if not answer.is_success:
                    answer.read()
                checked(answer)
                _saved(answer, target)
        except httpx.TransportError as error:
            raise Unreachable(api.address) from error
    out.print(str(target))


def _saved(answer: httpx.Response, target: Path) -> None:
    """Write the body aside and rename it, so that half a zip is never taken for a whole one."""
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            for block in answer.iter_bytes():
                file.write(block)
        part.replace(target)
    except OSError as error:
        raise Failed(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
