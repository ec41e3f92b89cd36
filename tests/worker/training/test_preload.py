"""What a run imports is imported before its process is forked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.studio_worker import PROJECT

STORY = """
import json, sys
from pathlib import Path
from storage import settings
folder, model = Path(sys.argv[1]), Path(sys.argv[2])
settings.quiet_libraries(folder, offline=True)
from tests.fakes.training_home import TrainingHome, conversations
from worker.training import preload
home = TrainingHome.make(folder / "home")
home.queue(home.dataset(conversations(20)), home.base_model(model))
before = set(sys.modules)
run, outcome = home.train()
told = {"status": outcome.status, "imported": sorted(set(sys.modules) - before)}
sys.stdout.write("\\n" + json.dumps(told))
"""


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="with a card some is left to the child")
def test_a_run_imports_nothing_that_was_not_there_before(tmp_path: Path, llama: Path) -> None:
    command = [sys.executable, "-c", STORY, str(tmp_path), str(llama)]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told == {"status": "finished", "imported": []}
