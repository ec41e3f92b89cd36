"""What an inspection found, as the program passes it on and as `report.json` keeps it."""

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from storage.mappings import Mapping, Target
from worker.datasets.faults import RowFault
from worker.datasets.plan import Plan
from worker.datasets.tally import Tally


@dataclass(frozen=True)
class Characters:
    """Lengths in characters of the text to learn from, for estimates before tokens are known."""

    total: int
    mean: float
    longest: int
    answer_share: float  # of the total; 1.0 for plain text, where everything is learned


@dataclass(frozen=True)
class Turns:
    """How many turns the rows have."""

    mean: float
    longest: int


@dataclass(frozen=True)
class FileCounts:
    """What one part of the file, such as a member of an archive, gave."""

    name: str
    format: str
    rows: int
    refused: int


@dataclass(frozen=True)
class Inspection:
    """What a pass over a file found; `report.json` holds the same by the same names.

    `faults` are the first 1,000, without their text; all of them stand in faults.jsonl.
    """

    shape: str
    target: Target
    confidence: float
    format: str
    files: tuple[FileCounts, ...]
    mapping: Mapping | None
    rows_good: int
    rows_repaired: int
    rows_refused: int
    rows_held_out: int
    blank_lines: int
    bytes: int
    fingerprint: str
    faults: tuple[RowFault, ...]
    warnings: tuple[str, ...]
    characters: Characters
    turns: Turns
    roles: dict[str, int]
    columns: tuple[str, ...]


def found(
    plan: Plan,
    tally: Tally,
    files: tuple[FileCounts, ...],
    faults: list[RowFault],
    fingerprint: str,
    size: int,
) -> Inspection:
    """Everything that was counted, for a file of `size` bytes."""
    good = tally.rows_good
    target = Target(tally.targets.most_common(1)[0][0])
    return Inspection(
        shape=tally.shape,
        target=target,
        confidence=round(plan.confidence, 4),
        format=files[0].format,
        files=files,
        mapping=plan.stated,
        rows_good=good,
        rows_repaired=tally.repaired,
        rows_refused=tally.rows_refused,
        rows_held_out=tally.held_out,
        blank_lines=tally.blank_lines,
        bytes=size,
        fingerprint=fingerprint,
        faults=tuple(faults),
        warnings=tally.warnings(),
        characters=Characters(
            total=tally.characters,
            mean=tally.characters / good,
            longest=tally.longest,
            answer_share=tally.answers / max(1, tally.characters),
        ),
        turns=Turns(mean=tally.roles.total() / good, longest=tally.longest_turns),
        roles=dict(tally.roles.most_common()),
        columns=tuple(name for name, _ in tally.columns.most_common(100)),
    )


def write_report(target: Path, inspection: Inspection, tally: Tally) -> None:
    """Writes `report.json`, with the counts by kind beside the findings."""
    counts = asdict(inspection)
    mapping = inspection.mapping
    counts["mapping"] = mapping.model_dump(mode="json") if mapping else None
    counts["faults"] = dict(tally.kinds.most_common())
    counts["repairs"] = dict(tally.repairs.most_common())
    counts["shapes"] = dict(tally.shapes.most_common())
    text = orjson.dumps(counts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (target / "report.json").write_bytes(text)
