"""What counts is on the disk before its name is: each file, then the rename, then the folder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.shipped import PROJECT

PUBLISH = """
import sys
from pathlib import Path
from storage import artifacts
with artifacts.staged(Path(sys.argv[1])) as staging:
    (staging / "rows.jsonl").write_text("a row")
    (staging / "plain").mkdir()
    (staging / "plain" / "rows.idx").write_bytes(bytes(8))
"""

ANSWER = """
import sys
from pathlib import Path
from storage import artifacts
artifacts.write_private(Path(sys.argv[1]), "an ending")
"""


def calls(script: str, target: Path) -> list[str]:
    """Return the calls of a script that bring files to disk: `fsync NAME` and `rename NAME`."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace to look at what the system is asked")
    log = target.parent / "calls.txt"
    watched = "fsync,fdatasync,rename,renameat,renameat2"
    command = ["strace", "-f", "-y", "-e", f"trace={watched}", "-o", str(log)]
    ended = subprocess.run(
        [*command, sys.executable, "-c", script, str(target)],
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "ptrace" in ended.stderr:
        pytest.skip("this system lets no process look at another")
    assert ended.returncode == 0, ended.stderr
    return [told for line in log.read_text().splitlines() if (told := _told(line, target.parent))]


def _told(line: str, home: Path) -> str | None:
    synced = re.search(r"f(?:data)?sync\(\d+<([^>]+)>\)\s+= 0", line)
    if synced and synced[1].startswith(str(home)):
        return f"fsync {_plain(Path(synced[1]).relative_to(home))}"
    moved = re.search(r'rename\w*\(.*"([^"]+)"(?:, 0)?\)\s+= 0', line)
    if moved and moved[1].startswith(str(home)):
        return f"rename {_plain(Path(moved[1]).relative_to(home))}"
    return None


def _plain(path: Path) -> str:
    """Return a path without what chance has chosen of its name."""
    return re.sub(r"^(\.sealed\.|tmp)[^/]+", "staging", path.as_posix())


def test_a_folder_is_on_disk_before_it_has_its_name_and_then_the_name_is(tmp_path: Path) -> None:
    assert calls(PUBLISH, tmp_path / "sealed") == [
        "fsync staging/plain/rows.idx",
        "fsync staging/rows.jsonl",
        "fsync staging/manifest.json",
        "fsync staging/plain",
        "fsync staging",
        "rename sealed",
        "fsync .",
    ]


def test_an_ending_is_on_disk_before_it_has_its_name(tmp_path: Path) -> None:
    assert calls(ANSWER, tmp_path / "ending.json") == ["fsync staging", "rename ending.json"]
