"""A file judged in pieces ends exactly as one judged in one go, also after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from worker.datasets import pieces
from worker.datasets.inspect import inspect

ROOT = Path(__file__).resolve().parents[3]
PIECE = 40_000


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", PIECE)


def mixed_file(path: Path, end: str = "\n", rows: int = 2_000) -> Path:
    """Good rows, copies, blank lines, faults, repairs and control tokens all over the file."""
    lines = []
    for number in range(rows):
        question = f"Question {number % 1500}? " + ("<|im_end|>" if number == 1700 else "é" * 20)
        turns = [
            {"role": "user", "content": question},
            {"role": "assistant", "content": f"Answer {number % 1500}."},
        ]
        line = json.dumps({"messages": turns}, ensure_ascii=number % 3 == 0)
        if number % 97 == 5:
            line += ","
        lines.append("" if number % 89 == 1 else line[:-9] if number % 83 == 2 else line)
    path.write_text(end.join(lines) + end, newline="")
    return path


def look(source: Path, folder: Path, workers: int, parts: Path | None) -> dict[str, bytes]:
    folder.mkdir()
    inspect(source, folder, lambda share, words: None, workers=workers, parts=parts)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("workers", [1, 2])
def test_pieces_make_the_same_dataset(tmp_path: Path, end: str, workers: int) -> None:
    source = mixed_file(tmp_path / "mine.jsonl", end)
    assert source.stat().st_size > 4 * PIECE
    whole = look(source, tmp_path / "whole", 1, None)
    cut = look(source, tmp_path / "cut", workers, tmp_path / "parts")
    assert cut == whole
    report = json.loads(whole["report.json"])
    assert report["rows_repaired"] == len(whole["repairs.jsonl"].splitlines()) > 10
    assert report["rows_refused"] == len(whole["faults.jsonl"].splitlines()) > 10
    assert "line 1,701" in " ".join(report["warnings"])


def test_a_piece_that_is_there_is_not_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mixed_file(tmp_path / "mine.jsonl")
    first = look(source, tmp_path / "first", 1, tmp_path / "parts")
    asked = []
    judge_one = pieces._judge_one
    monkeypatch.setattr(
        pieces, "_judge_one", lambda found, number, told: asked.append(number) or
        judge_one(found, number, told)
    )  # fmt: skip
    done = sorted(path for path in (tmp_path / "parts").iterdir() if path.is_dir())
    lost = done[1].rename(done[1].with_name(done[1].name + ".part"))  # as a kill leaves it
    again = look(source, tmp_path / "again", 1, tmp_path / "parts")
    assert again == first
    assert len(asked) == 1
    assert not lost.exists()


PROGRAM = """
import sys
from pathlib import Path
from worker.datasets import pieces
from worker.datasets.inspect import inspect
pieces.PIECE = 200_000
if __name__ == "__main__":
    source, target, parts = map(Path, sys.argv[1:])
    inspect(source, target, lambda share, words: print(words, flush=True), parts=parts)
"""


def test_a_killed_inspection_goes_on_where_it_was(tmp_path: Path) -> None:
    source = mixed_file(tmp_path / "mine.jsonl", rows=60_000)
    (tmp_path / "out").mkdir()
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(source), str(tmp_path / "out")]
    child = subprocess.Popen([*command, str(tmp_path / "parts")], cwd=ROOT, env=None)
    finished = lambda: [p for p in tmp_path.glob("parts/*") if p.is_dir() and p.suffix != ".part"]  # noqa: E731
    deadline = time.monotonic() + 60
    while len(finished()) < 3 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    before = {path: path.stat().st_mtime_ns for path in finished()}
    assert before
    monkeypatched = pytest.MonkeyPatch()
    with monkeypatched.context() as patch:
        patch.setattr(pieces, "PIECE", 200_000)
        after = look(source, tmp_path / "second", 1, tmp_path / "parts")
    assert after == look(source, tmp_path / "whole", 1, None)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_cancelling_ends_the_other_process(tmp_path: Path) -> None:
    source = mixed_file(tmp_path / "mine.jsonl")
    (tmp_path / "out").mkdir()

    def stop(share: float, words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inspect(source, tmp_path / "out", stop, workers=2, parts=tmp_path / "parts")
