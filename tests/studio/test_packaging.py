"""What an installation brings along: every package, every migration, every file of the pages."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def setuptools() -> dict[str, Any]:
    """What pyproject.toml says to setuptools."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    return dict(found["setuptools"])


def test_every_package_is_listed(setuptools: dict[str, Any]) -> None:
    there = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for room in ("storage", "studio", "worker")
        for init in (ROOT / room).rglob("__init__.py")
    }
    assert set(setuptools["packages"]) == there


def test_every_folder_of_data_is_listed(setuptools: dict[str, Any]) -> None:
    there = {
        f"tuning-studio/{file.parent.relative_to(ROOT).as_posix()}"
        for room in ("static", "alembic")
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    listed = setuptools["data-files"]
    assert there <= set(listed)
    for patterns in listed.values():
        for pattern in patterns:
            assert list(ROOT.glob(pattern)), pattern


def test_every_file_beside_the_code_is_listed(setuptools: dict[str, Any]) -> None:
    there = {
        file
        for room in ("storage", "studio", "worker")
        for file in (ROOT / room).rglob("*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    }
    listed = {
        file
        for package, patterns in setuptools["package-data"].items()
        for pattern in patterns
        for file in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    assert there <= listed
