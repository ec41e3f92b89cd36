"""The starter model: one of a few rounds, and one of full length that is built once."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

# The cores are shared: a thread that waits must not keep one busy. Read when torch is imported.
pytest.MonkeyPatch().setenv("OMP_WAIT_POLICY", "passive")

from worker.starter.build import build  # noqa: E402
from worker.starter.recipe import Recipe  # noqa: E402


@pytest.fixture(scope="session")
def quick() -> Recipe:
    """Return a recipe that takes a moment and teaches next to nothing."""
    return Recipe(conversations=200, steps=3, rows=2, warm_up=1, threads=1)


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory, quick: Recipe) -> Path:
    """Return the folder of a model that learned by the quick recipe."""
    folder = tmp_path_factory.mktemp("short") / "starter"
    build(folder, lambda _share, _words: None, quick)
    return folder


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the starter model as people get it."""
    folder = tmp_path_factory.mktemp("whole") / "starter"
    build(folder, lambda _share, _words: None)
    return folder


@pytest.fixture(scope="session")
def held_out() -> dict[str, list[dict[str, Any]]]:
    """Return questions that the model never saw: `topic` with the words expected, `emergency`."""
    return tomllib.loads(Path(__file__).with_name("held_out.toml").read_text("utf-8"))
