"""Exact token counts of real text: by pieces, against the tokenizer's batch call.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.token_counts FOLDER

FOLDER holds c4_demo.jsonl and alpaca_en_demo.json, and other files of these kinds if there are any.
A tokenizer like Qwen2's and one like Llama-3's are trained on the texts. The two ways take turns;
CPU time of all threads, the better of three. The counting by pieces starts each time knowing none.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from tests.fakes.tokenizers import byte_level
from worker.training import piecewise
from worker.training.pretokens import LLAMA3, QWEN2

_ROUNDS = 3


def texts_of(value: Any) -> list[str]:
    """Return every text of some length in a JSON value."""
    if isinstance(value, str):
        return [value] if len(value) > 1 else []
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in texts_of(part)]


def read(folder: Path, names: list[str]) -> list[str]:
    """Return the texts of these files."""
    found = []
    for name in names:
        content = (folder / name).read_bytes()
        lines = content.splitlines() if name.endswith(".jsonl") else [content]
        found += [text for line in lines for text in texts_of(orjson.loads(line))]
    return found


def batch(tokenizer: Any, texts: list[str]) -> list[int]:
    """Count as a person would who knows the library, a thousand texts a call."""
    groups = (texts[n : n + 1000] for n in range(0, len(texts), 1000))
    return [len(ids) for g in groups for ids in tokenizer(g, add_special_tokens=False)["input_ids"]]


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of this process, all threads, and the result."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def compare(name: str, tokenizer: Any, texts: list[str]) -> None:
    """Print one line."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    slow, quick, same = [], [], 0
    for _ in range(_ROUNDS):
        took, expected = seconds(lambda: batch(tokenizer, texts))
        slow.append(took)
        took, (found, why) = seconds(lambda: piecewise.counts(tokenizer, texts))
        quick.append(took)
        same = sum(a == b for a, b in zip(expected, found, strict=True))
    sys.stdout.write(
        f"{name:24} {size:6.1f} MB  batch {size / min(slow):6.1f} MB/s  pieces "
        f"{size / min(quick):6.1f} MB/s  ratio {min(slow) / min(quick):5.2f}  exact rows "
        f"{same / len(texts):.4%}{f'  given up: {why}' if why else ''}\n"
    )


def main() -> None:
    """Compare over the two files, and over all there are."""
    folder = Path(sys.argv[1])
    two = read(folder, ["c4_demo.jsonl", "alpaca_en_demo.json"])
    every = read(
        folder, sorted(p.name for p in folder.iterdir() if p.suffix in (".json", ".jsonl"))
    )
    for name, pattern, composes in (("Qwen2", QWEN2, True), ("Llama 3", LLAMA3, False)):
        tokenizer = byte_level(two, pattern, size=20_000, composes=composes)
        compare(f"{name}, c4 and alpaca", tokenizer, two)
        compare(f"{name}, all files", tokenizer, every)


if __name__ == "__main__":
    main()
