"""A file of any size is read in bounded memory: the whole of it never lies there."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MEGABYTES = 150
PROGRAM = """
import re, sys
from pathlib import Path
from worker.datasets.inspect import inspect
# Not getrusage: its peak is that of the process it was forked from, too.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
found = inspect(Path(sys.argv[1]), Path(sys.argv[2]), lambda share, words: None)
after = peak()
print(found.rows_good, found.rows_refused, before // 1024, after // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Rows, faults, a line of 60 MB and a broken one of 10 MB leave the peak low."""
    source, target = tmp_path / "big.jsonl", tmp_path / "out"
    target.mkdir()
    row = json.dumps({"prompt": "Why? " * 100, "completion": "Because. " * 100}).encode() + b"\n"
    copies = MEGABYTES * 1_000_000 // len(row)
    with source.open("wb") as file:
        for _ in range(copies):
            file.write(row)
        file.write(b'{"text": "' + b"x" * 60_000_000 + b'"}\n')
        file.write(b'{"text": "' + b"\\n" * 4_900_000 + b'"\n')
        file.write(b"{'broken': 1}\n" * 20_000)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source), str(target)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    good, refused, before, after = (int(word) for word in done.stdout.split())
    assert (good, refused) == (copies, 20_002)
    assert after - before < 200
    assert after < 500
