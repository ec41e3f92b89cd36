"""The folders that ship with the studio: beside the packages, or installed as data."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """Return a folder such as `static`, of the checkout or of the installation."""
    beside = PROJECT / name
    return beside if beside.is_dir() else Path(sys.prefix) / "tuning-studio" / name
