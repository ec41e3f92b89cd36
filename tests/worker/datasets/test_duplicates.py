"""Equal hashes are counted right, also where they do not fit into memory at once."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from worker.datasets import duplicates


@pytest.mark.parametrize("at_once", [1, 7, 100, 1 << 22])
def test_copies_are_counted_in_any_number_of_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(duplicates, "AT_ONCE", at_once)
    hashes = np.random.default_rng(5).integers(0, 60, 100).astype("<u8") * np.uint64(2**58 + 1)
    (tmp_path / "hashes").write_bytes(hashes.tobytes())
    expected = sum(times - 1 for times in Counter(hashes.tolist()).values())
    assert duplicates.count_copies(tmp_path / "hashes") == expected > 0


def test_no_rows_have_no_copies(tmp_path: Path) -> None:
    (tmp_path / "hashes").write_bytes(b"")
    assert duplicates.count_copies(tmp_path / "hashes") == 0
