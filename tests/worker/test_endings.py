"""An ending is there whole or not at all, once, and only for its own attempt."""

from pathlib import Path

from worker import endings
from worker.endings import Ending


def test_an_ending_is_taken_once_by_the_one_who_asks_for_its_attempt(tmp_path: Path) -> None:
    told = Ending("ready", "Read.", found={"rows_good": 3, "report": {"a": [1, None]}})
    endings.write(tmp_path, 2, told)
    assert endings.take(tmp_path, 1) is None
    assert endings.take(tmp_path, 2) == told
    assert endings.take(tmp_path, 2) is None
    assert list(tmp_path.iterdir()) == []
