"""The house itself: its rooms, small documented files, and one reader of the environment."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from storage.shipped import PROJECT

ROOMS = ("studio", "worker", "storage")
MODULES = sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.py"))
MOST_LINES = 300

LONGER: dict[str, str] = {}
"""Files that may be longer than `MOST_LINES`, each with the reason."""

READS_ENVIRONMENT = {
    "storage/settings.py": "the one reader",
    "worker/isolation.py": "reads nothing: takes secrets away from the process",
}


def name_of(path: Path) -> str:
    """Return a file's name as seen from the project."""
    return path.relative_to(PROJECT).as_posix()


def python(code: str) -> str:
    """Return what a fresh Python prints that runs code from the project's root."""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_the_packages_are_the_three_rooms_and_no_other() -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")}
    assert packages == set(ROOMS)


def test_every_package_and_what_lies_in_it_is_installed() -> None:
    told = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    inits = [path for room in ROOMS for path in (PROJECT / room).rglob("__init__.py")]
    packages = {name_of(path.parent).replace("/", ".") for path in inits}
    assert set(told["packages"]) == packages
    others = {
        name_of(path)
        for room in ROOMS
        for path in (PROJECT / room).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    installed = {
        name_of(path)
        for package, patterns in told["package-data"].items()
        for pattern in patterns
        for path in (PROJECT / package.replace(".", "/")).glob(pattern)
    }
    assert others == installed


@pytest.mark.parametrize("folder", ["alembic", "static"])
def test_what_is_no_package_has_no_init(folder: str) -> None:
    assert list((PROJECT / folder).rglob("__init__.py")) == []


def test_alembic_is_the_library_even_at_the_root_of_the_project() -> None:
    found = python("import alembic, alembic.command; print(alembic.__file__)")
    assert "site-packages" in found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_no_file_wants_to_be_two() -> None:
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    longer = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert longer.keys() == LONGER.keys()


def test_only_the_settings_read_the_environment() -> None:
    readers = {name_of(path) for path in MODULES if _touches_environment(path)}
    assert readers <= READS_ENVIRONMENT.keys()


def _touches_environment(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return bool({"environ", "environb", "getenv", "getenvb"} & named)


def test_storage_loads_neither_torch_nor_gradio() -> None:
    names = [name_of(path)[:-3].replace("/", ".") for path in (PROJECT / "storage").glob("*.py")]
    imports = "; ".join(f"import {name.removesuffix('.__init__')}" for name in sorted(names))
    heavy = "torch", "gradio", "transformers", "trl", "peft", "studio", "worker"
    found = python(f"import sys; {imports}; print([n for n in {heavy} if n in sys.modules])")
    assert found == "[]"


def test_no_module_keeps_an_import_relative_to_itself() -> None:
    for path in MODULES:
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        levels = {node.level for node in nodes if isinstance(node, ast.ImportFrom)}
        assert levels <= {0}, name_of(path)
