"""Prepared folders as the worker leaves them, written here by hand."""

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

Row = dict[str, Any]
Prepare = Callable[[Iterable[Row]], Path]


@pytest.fixture
def prepared(tmp_path: Path) -> Prepare:
    """Return what writes rows as a prepared folder."""

    def write(rows: Iterable[Row]) -> Path:
        folder = tmp_path / "prepared"
        folder.mkdir()
        offsets, lines = array("Q"), array("Q")
        with (folder / "rows.jsonl").open("wb") as file:
            for number, row in enumerate(rows, 1):
                offsets.append(file.tell())
                lines.append(number)
                file.write(orjson.dumps(row) + b"\n")
        (folder / "rows.idx").write_bytes(offsets.tobytes())
        (folder / "lines.idx").write_bytes(lines.tobytes())
        return folder

    return write
