"""`tuning-studio dataset`: add files, look at what was found in them, and take it away."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli import waiting
from studio.cli.api import Api
from studio.cli.sending import uploaded
from studio.cli.terminal import Failed, err, listed, out

commands = typer.Typer(no_args_is_help=True, help="Data to learn from.")

Id = Annotated[str, typer.Argument(help="The dataset's id, such as data_3f9a1c2b4d5e.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Where to put the file.")]
Watch = Annotated[bool, typer.Option(help="Wait until it is read, and say what was found.")]

MOST_FAULTS = 20
"""So many unusable lines are shown."""


@commands.command("add")
def add(
    files: Annotated[list[Path], typer.Argument(help="Files: JSONL, JSON, CSV, TSV, Parquet, …")],
    watch: Watch = False,
) -> None:
    """Upload files; prints each new dataset's id. Called again, it goes on where it was."""
    with Api() as api:
        for file in files:
            found = uploaded(api, file)
            if found["known"]:
                err.print(f"{file.name} is here already: {found['name']}.")
            out.print(found["id"])
            if watch:
                _watched(api, found["id"])


@commands.command("list")
def listing() -> None:
    """List the datasets."""
    with Api() as api:
        found = api.get("/datasets")
    listed(found, ["id", "name", "status", "shape", "rows_good", "rows_repaired", "rows_refused"])


@commands.command("report")
def report(
    dataset_id: Id,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
) -> None:
    """Say what was found in a dataset."""
    with Api() as api:
        found = api.get(f"/datasets/{dataset_id}")
    if as_json:
        out.print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _report(found)


@commands.command("faults")
def faults(dataset_id: Id, output: Output = None) -> None:
    """Download all that was refused, each with its reason; prints the file's name."""
    target = output or Path(f"{dataset_id}-refused.jsonl")
    with Api() as api:
        api.save(f"/datasets/{dataset_id}/faults.jsonl", target)
    out.print(str(target))


@commands.command("export")
def export(
    dataset_id: Id,
    output: Output = None,
    kind: Annotated[str, typer.Option("--format", help="jsonl, csv or parquet.")] = "jsonl",
) -> None:
    """Download the rows as a file; prints its name."""
    target = output or Path(f"{dataset_id}.{kind}")
    with Api() as api:
        api.save(f"/datasets/{dataset_id}/export", target, format=kind)
    out.print(str(target))


Columns = list[str] | None
_PARTS = "messages, role, content, history, text, chosen, rejected, label, tools, split, held_out"


@commands.command("map")
def choose_columns(  # noqa: PLR0913  (a command's options)
    dataset_id: Id,
    question: Annotated[
        Columns, typer.Option(help="Column of the question; may be given again.")
    ] = None,
    answer: Annotated[str | None, typer.Option(help="Column of the answer.")] = None,
    context: Annotated[Columns, typer.Option(help="Column read below the question.")] = None,
    system: Annotated[str | None, typer.Option(help="Column of the system prompt.")] = None,
    part: Annotated[Columns, typer.Option(help=f"PART=COLUMN; parts: {_PARTS}.")] = None,
    remember: Annotated[bool, typer.Option(help="For the next file with these columns too.")] = (
        True
    ),
) -> None:
    """Say which column of a file is what, where the studio could not tell."""
    chosen: dict[str, Any] = {
        "question": [*(question or []), *(context or [])],
        "answer": answer,
        "system": system,
    }
    chosen |= dict(_part(words) for words in part or [])
    mapping = {"target": _target(chosen), **{k: v for k, v in chosen.items() if v}}
    with Api() as api:
        asked = {"mapping": mapping, "remember": remember}
        found = api.post(f"/datasets/{dataset_id}/mapping", asked)
    out.print(f"{found['name']}: {found['status']}")


@commands.command("hub")
def hub(
    name: Annotated[str, typer.Argument(help="The dataset's name on the hub, such as owner/name.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    split: Annotated[str | None, typer.Option(help="The part to fetch, such as train.")] = None,
    watch: Watch = False,
) -> None:
    """Fetch a dataset from the hub; prints its id."""
    asked = {"name": name, "revision": revision, "split": split}
    with Api() as api:
        found = api.post("/datasets/hub", {key: value for key, value in asked.items() if value})
        out.print(found["id"])
        if watch:
            _watched(api, found["id"])


@commands.command("answers")
def answers(  # noqa: PLR0913  (a command's options)
    dataset_id: Id,
    model: Annotated[str, typer.Option(help="Who answers: base:ID, adapter:ID, …")],
    longest: Annotated[int, typer.Option(help="Longest answer, in tokens.")] = 512,
    temperature: Annotated[float, typer.Option(help="Variety; 0 is the likeliest answer.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the chance, where there is variety.")] = 1,
    system: Annotated[str, typer.Option(help="What that model alone is told.")] = "",
    keep: Annotated[bool, typer.Option(help="Leave the old conversations beside.")] = False,
    cut_off: Annotated[bool, typer.Option(help="Keep answers that are cut off.")] = False,
    watch: Watch = False,
) -> None:
    """Let a larger model write the answers; prints the new version's id."""
    asked = {
        "kind": "answers",
        "dataset_id": dataset_id,
        "voice": model,
        "longest": longest,
        "temperature": temperature,
        "seed": seed,
        "system": system,
        "existing": "keep" if keep else "replace",
        "keep_cut_off": cut_off,
    }
    with Api() as api:
        found = api.post("/datasets/versions", {"operation": asked})
        out.print(found["id"])
        if watch:
            _watched(api, found["id"])


@commands.command("versions")
def versions(dataset_id: Id) -> None:
    """List what a dataset was made of and what was made of it, in the order of their making."""
    with Api() as api:
        found = api.get(f"/datasets/{dataset_id}/lineage")
    for node in found["nodes"]:
        parents = [parent for parent, child in found["edges"] if child == node["id"]]
        node["made_of"] = ", ".join(parents)
        node["by"] = (node["operation"] or {"kind": "upload"})["kind"]
    listed(found["nodes"], ["id", "name", "status", "rows_good", "by", "made_of"])


def _part(words: str) -> tuple[str, Any]:
    name, sign, column = words.partition("=")
    if not sign:
        raise Failed(f"{words} is no PART=COLUMN.", f"Parts: {_PARTS}.")
    if name.strip() == "held_out":
        return "held_out", [value.strip() for value in column.split(",")]
    return name.strip(), column.strip()


def _target(chosen: dict[str, Any]) -> str:
    """Return what the rows become, by the columns that were chosen."""
    if "text" in chosen:
        return "text"
    if "chosen" in chosen or "rejected" in chosen:
        return "preference"
    return "labelled" if "label" in chosen else "chat"


def _watched(api: Api, dataset_id: str) -> None:
    _report(waiting.for_work(api, f"/datasets/{dataset_id}"))


def _report(found: dict[str, Any]) -> None:
    if found["status"] == "failed":
        raise Failed(found["error"], found["hint"] or "")
    if found["status"] == "unsure":
        names = ", ".join(column["name"] for column in found["question"]["columns"])
        hint = f"tuning-studio dataset map {found['id']} --question COLUMN --answer COLUMN"
        raise Failed(f"Which column is what? There are: {names}.", hint)
    if found["status"] != "ready":
        out.print(f"{found['name']}: {found['stage'] or found['status']}")
        return
    counts = f"{found['rows_good']} good rows, {found['rows_refused']} refused"
    repaired = f", {found['rows_repaired']} repaired" if found["rows_repaired"] else ""
    exam = f", {found['rows_held_out']} kept for the exam" if found["rows_held_out"] else ""
    out.print(counts + repaired + exam)
    for words in found["warnings"]:
        out.print(str(words))
    _care(found["care"])
    for fault in found["faults"][:MOST_FAULTS]:
        out.print(f"line {fault['line']}, column {fault['column']}: {fault['reason']}")


def _care(care: dict[str, Any] | None) -> None:
    result = (care or {}).get("result")
    if not result:
        return
    copies = result["duplicates"]
    out.print(
        f"{copies['exact']['rows']} exact and {copies['near']['rows']} near duplicates, "
        f"{result['personal']['rows']} rows with personal data, "
        f"{result['answers']['empty']['rows']} empty answers"
    )
