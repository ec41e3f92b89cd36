"""Progress bars: one for what the worker prepares, one for a run with its loss."""

import time
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from studio.cli.api import Api, Unreachable
from studio.cli.terminal import err

SECONDS = 1.0
"""Between two looks."""

PATIENCE = 60
"""So many looks in a row may fail: the studio may be starting again."""

WORK_ENDS = ("ready", "unsure", "failed")
RUN_ENDS = ("finished", "stopped", "failed", "discarded")


def for_work(api: Api, path: str) -> Any:
    """Show the progress of a dataset or a model until it is ready, failed or unsure; return it."""
    with _bar() as bar:
        task = bar.add_task("", total=1.0, note="")
        while True:
            found = _looked(api, path)
            words = found["stage"] or found["status"]
            bar.update(task, completed=found["progress"], description=words)
            if found["status"] in WORK_ENDS:
                return found
            time.sleep(SECONDS)


def for_run(api: Api, run_id: str) -> Any:
    """Show a run's progress and its newest losses until it ends; return it."""
    cursor: str | None = None
    losses: dict[str, float | None] = {}
    with _bar() as bar:
        task = bar.add_task("", total=1.0, note="")
        while True:
            run = _looked(api, f"/runs/{run_id}")
            news = _looked(api, f"/runs/{run_id}/metrics", **({"after": cursor} if cursor else {}))
            cursor = news["cursor"]
            losses |= {point["name"]: point["value"] for point in news["points"]}
            bar.update(
                task,
                completed=run["progress"],
                description=run["stage"] or run["status"],
                note=_note(run, losses),
            )
            if run["status"] in RUN_ENDS:
                return run
            time.sleep(SECONDS)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=err,
    )


def _looked(api: Api, path: str, **parameters: Any) -> Any:
    for _ in range(PATIENCE):
        try:
            return api.get(path, **parameters)
        except Unreachable:
            time.sleep(SECONDS)
    return api.get(path, **parameters)


def _note(run: dict[str, Any], losses: dict[str, float | None]) -> str:
    parts = [f"step {run['step']}/{run['total_steps']}"] if run["total_steps"] else []
    for name, words in (("loss", "loss"), ("eval_loss", "exam")):
        value = losses.get(name)
        if value is not None:
            parts.append(f"{words} {value:.4f}")
    if run["seconds_left"] is not None:
        parts.append(f"{run['seconds_left']:.0f} s left")
    return "  ".join(parts)
