"""The import rules in pyproject.toml hold, and each of them notices a breach."""

import shutil
import subprocess
import sys
from pathlib import Path

from storage.shipped import PROJECT

ROOMS = ("studio", "worker", "storage")
LINTER = Path(sys.executable).with_name("lint-imports")

BREACHES = {
    "studio > worker > storage": ("storage/ids.py", "import worker.tasks"),
    "libraries that load torch live in training": ("worker/supervisor.py", "import torch"),
    "studio enters worker by worker.tasks only": ("studio/page.py", "import worker.supervisor"),
    "gradio lives in studio only": ("studio/services/names.py", "import gradio"),
    "of the studio only its services know tables": ("studio/pages/run.py", "import storage.tables"),
    "advice is pure": ("studio/advice/plan.py", "import storage.artifacts"),
    "services do not know who draws them": ("studio/services/runs.py", "import studio.pages.run"),
    "searching is the worker's": ("storage/trials.py", "import optuna"),
    "inside storage": ("storage/artifacts.py", "import storage.runs"),
    "studio and storage load no torch by any way round": ("worker/tasks.py", "import trl"),
}


def check(project: Path) -> str:
    """Return what import-linter says of a project."""
    ended = subprocess.run(
        [str(LINTER), "--no-cache"], cwd=project, env={"PYTHONPATH": str(project)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.stdout + ended.stderr


def test_the_import_rules_hold() -> None:
    said = check(PROJECT)
    assert ", 0 broken" in said, said


def test_each_rule_notices_a_breach(tmp_path: Path) -> None:
    for room in ROOMS:
        shutil.copytree(PROJECT / room, tmp_path / room)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for file, breach in BREACHES.values():
        with (tmp_path / file).open("a") as source:
            source.write(f"\n{breach}\n")
    said = check(tmp_path)
    broken = [line for line in said.splitlines() if "BROKEN" in line]
    assert len(broken) == len(BREACHES), said
    for rule in BREACHES:
        assert any(line.startswith(rule) for line in broken), f"not noticed: {rule}"
