"""Datasets that are ready, or wait for an answer, without a worker having read them."""

import hashlib
import json
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from storage import artifacts, datasets, leases, work
from storage.datasets import Dataset
from storage.ids import LOCAL_PERSON
from storage.tables import DatasetRow
from studio.services.studio import Studio

Rows = list[dict[str, Any]]


def questions(count: int, topic: str = "fever") -> Rows:
    """Return conversations of one question and one answer, all different."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"What about {topic} number {number}?"},
                {"role": "assistant", "content": f"Rest {number} days."},
            ]
        }
        for number in range(count)
    ]


def numbers(values: list[int]) -> bytes:
    """Return unsigned little-endian numbers of 64 bits."""
    return b"".join(value.to_bytes(8, "little") for value in values)


def write_rows(folder: Path, rows: Rows) -> str:
    """Write rows as the worker keeps them; returns the dataset's fingerprint."""
    folder.mkdir(parents=True)
    lines = [
        json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows
    ]
    (folder / "rows.jsonl").write_bytes(b"".join(lines))
    (folder / "rows.idx").write_bytes(numbers([0, *accumulate(map(len, lines))][:-1]))
    (folder / "lines.idx").write_bytes(numbers(list(range(1, len(rows) + 1))))
    return hashlib.sha256(b"".join(lines)).hexdigest()


def ready(
    studio: Studio,
    rows: Rows,
    name: str = "answers.jsonl",
    owner: str = LOCAL_PERSON,
    faults: Rows | None = None,
    **columns: Any,
) -> Dataset:
    """Return a dataset with these rows and these refused records."""
    content = json.dumps([name, rows]).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    folder = studio.artifacts.dataset(sha256)
    if not folder.exists():
        with artifacts.staged(folder) as staging:
            (staging / datasets.ORIGINAL).write_bytes(content)
        write_rows(folder / datasets.prepared_name(None), rows)
    refused = faults or []
    (folder / datasets.prepared_name(None) / "faults.jsonl").write_bytes(
        b"".join(json.dumps(fault).encode() + b"\n" for fault in refused)
    )
    counts = {fault["kind"]: 0 for fault in refused}
    for fault in refused:
        counts[fault["kind"]] += 1
    report = {"faults": counts, "format": "jsonl", "characters": {"mean": 40.0, "longest": 60}}
    found = {
        "shape": "messages", "target": "chat", "fingerprint": sha256, "rows_good": len(rows),
        "rows_refused": len(refused), "report": report,
    }  # fmt: skip
    return _ended(studio, owner, name, sha256, found | columns)


def unsure(
    studio: Studio, records: Rows, name: str = "table.csv", owner: str = LOCAL_PERSON
) -> Dataset:
    """Return a dataset whose worker asks which column is what."""
    sha256 = hashlib.sha256(json.dumps(records).encode()).hexdigest()
    columns = [{"name": field, "kind": "text"} for field in records[0]]
    question = {"columns": columns, "guess": None, "confidence": 0.2, "why": "", "rows": records}
    return _ended(studio, owner, name, sha256, {"question": question}, work.ask)


def _ended(
    studio: Studio,
    owner: str,
    name: str,
    sha256: str,
    found: dict[str, Any],
    end: Callable[..., None] = work.finish,
) -> Dataset:
    added = datasets.add(studio.database, owner, name, sha256, 10)
    row = work.claim(studio.database, DatasetRow, leases.worker_name(), 60)
    assert row is not None
    assert row.id == added.id
    end(studio.database, DatasetRow, (row.id, row.attempt), **found)
    return datasets.get(studio.database, owner, added.id)
