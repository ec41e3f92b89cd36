"""Prints how fast a file is validated, normalised and counted beside `orjson.loads` alone.

    python tests/benchmarks/ingest.py [--megabytes 10 100] [--gigabyte] [--rounds 3]

For conversations with and without a field beside, ShareGPT and Alpaca rows, in one run that
alternates: "loads" parses each line and drops it; "judge" adds every rule, the normalised row and
all counts; "inspect" adds the sample, the fingerprint and the files written. Rates are megabytes
a second of wall time and of the processor time of the main thread ("cpu"), the ratio is to loads;
the fastest round counts. "two" is inspect with two processes, wall time alone. Peak memory is that
of a process of its own, in which the file is inspected.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from worker.datasets.inspect import inspect
from worker.datasets.plan import planned
from worker.datasets.sources.batch import Limits
from worker.datasets.sources.opening import opened
from worker.datasets.tally import Tally

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    "patient",
    "dose",
    "blood",
    "pressure",
    "tablet",
    "water",
    "sleep",
    "fever",
    "doctor",
    "salt",
]
DISTINCT = 20_000_000  # bytes of rows that differ; a larger file repeats them
PEAK = """
import re, sys
from pathlib import Path
from worker.datasets.inspect import inspect
if __name__ == "__main__":
    inspect(Path(sys.argv[1]), Path(sys.argv[2]), lambda share, words: None)
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def _turns(chance: random.Random) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "You are a careful assistant."},
        {"role": "user", "content": _prose(chance, 60) + ' "naïve"?'},
        {"role": "assistant", "content": _prose(chance, 80) + "\n\n" + _prose(chance, 80)},
    ]


def _prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def _sharegpt(chance: random.Random, _number: int) -> dict[str, Any]:
    speakers = {"system": "system", "user": "human", "assistant": "gpt"}
    turns = [{"from": speakers[t["role"]], "value": t["content"]} for t in _turns(chance)]
    return {"conversations": turns}


def _alpaca(chance: random.Random, number: int) -> dict[str, Any]:
    more = _prose(chance, 20) if number % 2 else ""
    answer = _prose(chance, 80) + "\n\n" + _prose(chance, 80)
    return {"instruction": _prose(chance, 40), "input": more, "output": answer}


SHAPES: dict[str, Callable[[random.Random, int], dict[str, Any]]] = {
    "messages": lambda chance, _number: {"messages": _turns(chance)},
    "messages with id": lambda chance, number: {"messages": _turns(chance), "id": number},
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
}


def generate(path: Path, shape: str, megabytes: int) -> None:
    """Writes rows of about 1.5 kB with line breaks, quotation marks and accents."""
    chance = random.Random(3)
    rows, size = [], 0
    while size < min(DISTINCT, megabytes * 1_000_000):
        rows.append(orjson.dumps(SHAPES[shape](chance, len(rows))) + b"\n")
        size += len(rows[-1])
    block = b"".join(rows)
    with path.open("wb") as file:
        for _ in range(max(1, round(megabytes * 1_000_000 / len(block)))):
            file.write(block)


def loads(path: Path) -> None:
    """The yardstick: the parser alone."""
    with path.open("rb") as lines:
        for line in lines:
            orjson.loads(line)


def judge(path: Path) -> None:
    """Validation, normalisation and counts; nothing is hashed or written."""
    (part,) = opened(path, Limits())
    quick = planned([part], None).quick()
    tally = Tally()
    if quick is None:
        raise SystemExit("these rows are not read many at once")
    for batch in part.batches():
        quick.take(batch.lines, batch.numbers, tally)


def whole(path: Path, workers: int = 1) -> None:
    """What the studio does with an uploaded file."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        target, parts = Path(folder) / "out", Path(folder) / "parts"
        target.mkdir()
        inspect(path, target, lambda share, words: None, workers=workers,
                parts=parts if workers > 1 else None)  # fmt: skip


def two(path: Path) -> None:
    """The same with two processes."""
    whole(path, 2)


def measure(path: Path, rounds: int) -> None:
    """Prints the rates of the ways and their ratio to the parser."""
    ways = {"loads": loads, "judge": judge, "inspect": whole, "two": two}
    wall: dict[str, float] = {}
    busy: dict[str, float] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            started, used = time.perf_counter(), time.thread_time()
            way(path)
            wall[name] = min(wall.get(name, 1e9), time.perf_counter() - started)
            busy[name] = min(busy.get(name, 1e9), time.thread_time() - used)
    megabytes = path.stat().st_size / 1e6
    for name in ways:
        cpu = f"{megabytes / busy[name]:6.0f} MB/cpu-s ({busy['loads'] / busy[name]:.2f})"
        print(
            f"    {name:8}{megabytes / wall[name]:6.0f} MB/s ({wall['loads'] / wall[name]:.2f})"
            + (f"  {cpu}" if name != "two" else ""),
            flush=True,
        )


def peak(path: Path) -> int:
    """The most memory in MB that a process has when it inspects the file."""
    with tempfile.TemporaryDirectory(dir=path.parent) as target:
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(path), target],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    found = re.search(r"\d+", done.stdout)
    return int(found[0]) // 1024 if found else 0


def main() -> None:
    """Measures generated files of each size and shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--gigabyte", action="store_true", help="also a file of 1 GB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.jsonl"
        for megabytes in [*chosen.megabytes, *([1000] if chosen.gigabyte else [])]:
            for shape in chosen.shapes:
                generate(path, shape, megabytes)
                print(f"{shape}, {megabytes} MB, peak memory {peak(path)} MB")
                measure(path, chosen.rounds)


if __name__ == "__main__":
    main()
