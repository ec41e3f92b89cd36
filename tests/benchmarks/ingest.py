"""Prints how fast a JSONL file is judged beside `orjson.loads` alone on the same lines.

    python tests/benchmarks/ingest.py [--megabytes 100] [--rounds 3] [--data FOLDER]

Reading, judging and everything together alternate in one process, the fastest round counts.
"loads" parses each line and drops it; "judge" adds every rule, the normalised row and the counts;
"inspect" adds the row hashes, the hash of the file (on a second thread) and the files written.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from worker.datasets.inspect import inspect
from worker.datasets.judge import judge

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


def generate(path: Path, megabytes: int) -> None:
    """Writes chat rows of about 1.5 kB with line breaks, quotation marks and accents."""
    chance = random.Random(3)
    size = 0
    with path.open("wb") as file:
        while size < megabytes * 1_000_000:
            size += file.write(orjson.dumps({"messages": _turns(chance)}) + b"\n")


def _turns(chance: random.Random) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "You are a careful assistant."},
        {"role": "user", "content": _prose(chance, 60) + ' "naïve"?'},
        {"role": "assistant", "content": _prose(chance, 80) + "\n\n" + _prose(chance, 80)},
    ]


def _prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def loads_only(path: Path) -> None:
    """The yardstick: the parser alone."""
    with path.open("rb") as lines:
        for line in lines:
            orjson.loads(line)


def judge_only(path: Path) -> None:
    """Validation, normalisation and counts; nothing is hashed or written."""
    characters = 0
    with path.open("rb") as lines:
        for line in lines:
            characters += judge(line)[3]


def inspect_whole(path: Path) -> None:
    """What the studio does with an uploaded file."""
    with tempfile.TemporaryDirectory() as target:
        inspect(path, Path(target), lambda share, words: None)


def measure(path: Path, rounds: int) -> None:
    """Prints the wall and processor rates of the three ways and their ratio to the parser."""
    ways: tuple[Callable[[Path], None], ...] = (loads_only, judge_only, inspect_whole)
    wall: dict[str, float] = {}
    busy: dict[str, float] = {}
    for _ in range(rounds):
        for way in ways:
            started, used = time.perf_counter(), time.process_time()
            way(path)
            name = way.__name__
            wall[name] = min(wall.get(name, 1e9), time.perf_counter() - started)
            busy[name] = min(busy.get(name, 1e9), time.process_time() - used)
    megabytes = path.stat().st_size / 1e6
    print(f"{path.name}: {megabytes:.1f} MB")
    for name in wall:
        print(
            f"  {name:14} {megabytes / wall[name]:7.0f} MB/s wall "
            f"({wall['loads_only'] / wall[name]:.2f} x loads)  "
            f"{megabytes / busy[name]:7.0f} MB/cpu-s ({busy['loads_only'] / busy[name]:.2f} x)"
        )


def main() -> None:
    """Measures generated data, and every JSONL file of a folder if one is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.jsonl"
        generate(path, chosen.megabytes)
        measure(path, chosen.rounds)
    for path in sorted(chosen.data.glob("*.jsonl")) if chosen.data else []:
        measure(path, chosen.rounds * 10)


if __name__ == "__main__":
    main()
