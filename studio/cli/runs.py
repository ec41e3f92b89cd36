"""`tuning-studio run`: start, watch, stop, resume and list runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli import recipes, waiting
from studio.cli.api import Api
from studio.cli.terminal import Failed, listed, out

commands = typer.Typer(no_args_is_help=True, help="Training runs.")

Id = Annotated[str, typer.Argument(help="The run's id, such as run_3f9a1c2b4d5e.")]


@commands.command("start")
def start(
    recipe: Annotated[Path, typer.Argument(help="A YAML file with the run's settings.")],
    watch: Annotated[bool, typer.Option(help="Show its progress until it ends.")] = False,
) -> None:
    """Put a run into the queue; prints its id.

    The settings are those of the form, such as `method: dpo` or `adapter: full`; every one is in
    the document of the API. `dataset`, `base_model` and `teacher_model` may be names.
    """
    with Api() as api:
        settings = recipes.resolved(api, recipes.read(recipe), recipe.parent)
        run = api.post("/runs", settings)
        out.print(run["id"])
        if watch:
            _report(waiting.for_run(api, run["id"]))


@commands.command("watch")
def watch(run_id: Id) -> None:
    """Show a run's progress and loss until it ends."""
    with Api() as api:
        api.get(f"/runs/{run_id}")
        _report(waiting.for_run(api, run_id))


@commands.command("list")
def listing() -> None:
    """List the runs."""
    with Api() as api:
        runs = api.get("/runs")
    listed(runs, ["id", "name", "status", "step", "total_steps", "adapter_id"])


@commands.command("stop")
def stop(run_id: Id) -> None:
    """Stop a run and keep what it learned; it can be resumed."""
    _asked(run_id, "stop")


@commands.command("resume")
def resume(run_id: Id) -> None:
    """Let a stopped or failed run go on from its last checkpoint."""
    _asked(run_id, "resume")


@commands.command("discard")
def discard(run_id: Id) -> None:
    """Stop a run and throw away what it learned."""
    _asked(run_id, "discard")


def _asked(run_id: str, what: str) -> None:
    with Api() as api:
        run = api.post(f"/runs/{run_id}/{what}")
    out.print(f"{run['name']}: {run['status']}")


def _report(run: dict[str, Any]) -> None:
    if run["status"] == "failed":
        raise Failed(run["error"] or "The run failed.", run["hint"] or "")
    adapter = f", adapter {run['adapter_id']}" if run["adapter_id"] else ""
    out.print(f"{run['name']}: {run['status']} at step {run['step']}{adapter}")
