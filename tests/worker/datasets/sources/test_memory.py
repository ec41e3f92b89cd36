"""A file of any kind is read in bounded memory: the whole of it never lies there."""

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[4]
COPIES = 40_000  # times about 2 KB
PROGRAM = """
import re, sys
from pathlib import Path
from worker.datasets.sources.batch import Limits
from worker.datasets.sources.opening import opened
# Not getrusage: its peak is that of the process it was forked from, too.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
parts = opened(Path(sys.argv[1]), Limits(most_ratio=10_000))
print(sum(len(batch.lines) for part in parts for batch in part.batches()))
print((peak() - before) // 1024)
"""


def rows() -> list[dict[str, str]]:
    return [{"question": "Why? " * 200, "answer": f"Because {n}. " * 80} for n in range(COPIES)]


def write_list(path: Path) -> None:
    path.write_text(json.dumps(rows()))


def write_columns(path: Path) -> None:
    every = rows()
    path.write_text(json.dumps({name: [row[name] for row in every] for name in every[0]}))


def write_table(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["question", "answer"])
        writer.writeheader()
        writer.writerows(rows())


def write_packed(path: Path) -> None:
    with gzip.open(path, "wb", 1) as file:
        for row in rows():
            file.write(json.dumps(row, indent=1).encode() + b"\n")


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(rows()), path, use_dictionary=False)


@pytest.mark.parametrize(
    "write", [write_list, write_columns, write_table, write_packed, write_parquet]
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, write: Callable[[Path], None]) -> None:
    """80 MB of rows pass through less than 120 MB, which a list of them would not fit in."""
    source = tmp_path / "big"
    write(source)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    found, grown = (int(word) for word in done.stdout.split())
    assert found == COPIES
    assert grown < 120
