"""The command line, as a person calls it, against a studio that runs."""

import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from storage import adapters, attempts, base_models, metrics, runs
from storage.base_models import Source
from storage.ids import LOCAL_PERSON
from storage.metrics import Point
from storage.status import RunStatus
from storage.tables import BaseModelRow, DatasetRow
from studio.services.studio import Studio
from tests.studio.conftest import Command

ROOT = Path(__file__).resolve().parents[2]
LINE = b'{"prompt": "What is a fever?", "completion": "A body temperature above 38 degrees."}\n'


def ready(studio: Studio) -> None:
    """Let everything that was added be ready, as the worker would."""
    with studio.database.write() as session:
        session.execute(update(DatasetRow).values(status="ready", rows_good=10))
        session.execute(update(BaseModelRow).values(status="ready"))


def test_help_is_there_at_once(command: Command) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = command("--help")
    assert done.returncode == 0
    for word in ("up", "dataset", "model", "run", "adapter", "sample"):
        assert word in done.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 1, "seconds of a processor"
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "studio", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    for heavy in ("gradio", "torch", "fastapi", "sqlalchemy", "pandas"):
        assert f" {heavy}\n" not in loaded


def test_a_studio_that_does_not_run_is_said_in_a_sentence(command: Command) -> None:
    done = command("run", "list")
    assert done.returncode == 1
    assert "No studio answers at http://127.0.0.1:" in done.stderr
    assert "tuning-studio up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_read_is_named(command: Command) -> None:
    done = command("run", "list", STUDIO_PORT="many")
    assert done.returncode == 2
    assert "STUDIO_PORT" in done.stderr


def test_from_a_file_and_a_recipe_to_a_run_in_the_queue(
    command: Command, running: Studio, tmp_path: Path
) -> None:
    (tmp_path / "answers.jsonl").write_bytes(LINE * 10)
    base_models.add(running.database, LOCAL_PERSON, "Starter", Source.STARTER, "starter")
    large = base_models.add(running.database, LOCAL_PERSON, "Large", Source.FOLDER, "/large")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: Tried\ndataset: answers.jsonl\nbase_model: Starter\nrank: 4\n"
        "method: distill\nteacher_model: Large\n"
    )

    added = command("dataset", "add", "answers.jsonl")
    assert added.stdout.startswith("data_")
    assert "answers.jsonl" in command("dataset", "list").stdout

    started = command("run", "start", "recipe.yaml")
    assert started.returncode == 0, started.stderr
    run = runs.get(running.database, LOCAL_PERSON, started.stdout.strip())
    assert (run.name, run.spec.rank, run.dataset_id) == ("Tried", 4, added.stdout.strip())
    assert (run.spec.method, run.spec.teacher_model_id) == ("distill", large.id)
    assert "queued" in command("run", "list").stdout
    assert command("run", "stop", run.id).stdout == "Tried: stopped\n"
    assert command("run", "resume", run.id).stdout == "Tried: queued\n"
    assert command("run", "discard", run.id).stdout == "Tried: discarded\n"
    refused = command("run", "resume", run.id)
    assert refused.returncode == 1
    assert "discarded" in refused.stderr


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("rank: 0\nepochs: many\n", ["rank", "Must be at least 1.", "epochs", "dataset_id"]),
        ("- a\n- b\n", ["must name settings"]),
        ("a: [", ["is not YAML"]),
        ("dataset: nothing\n", ["There is no dataset or file called nothing."]),
        ("base_model: nothing\n", ["There is no base model called nothing."]),
        ("teacher_model: nothing\n", ["There is no teacher model called nothing."]),
    ],
)
def test_what_is_wrong_with_a_recipe_is_named(
    command: Command, running: Studio, tmp_path: Path, recipe: str, words: list[str]
) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe)
    done = command("run", "start", "recipe.yaml")
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_watched_run_ends_with_its_adapter_which_can_be_downloaded(
    command: Command, running: Studio, tmp_path: Path
) -> None:
    (tmp_path / "answers.jsonl").write_bytes(LINE * 10)
    base_models.add(running.database, LOCAL_PERSON, "Starter", Source.STARTER, "starter")
    (tmp_path / "recipe.yaml").write_text("dataset: answers.jsonl\nbase_model: Starter\n")
    run_id = command("run", "start", "recipe.yaml").stdout.strip()
    ready(running)
    _finish(running, run_id)

    watched = command("run", "watch", run_id)
    assert watched.returncode == 0
    assert "finished at step 3, adapter adapter_0123456789ab" in watched.stdout
    assert "loss 1.2500" in watched.stderr

    assert command("adapter", "download", "adapter_0123456789ab", "-o", "mine.zip").returncode == 0
    assert zipfile.ZipFile(tmp_path / "mine.zip").testzip() is None
    missing = command("adapter", "download", "adapter_000000000000")
    assert missing.returncode == 1
    assert "There is no adapter" in missing.stderr
    assert not list(tmp_path.glob("*.part"))


def test_a_model_folder_is_added_by_its_full_path(
    command: Command, running: Studio, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    command("model", "add", "model")
    command("model", "add", "owner/name", "--revision", "main")
    found: dict[str, Any] = {
        one.source: one for one in base_models.all_of(running.database, LOCAL_PERSON)
    }
    assert found["folder"].reference == str(tmp_path / "model")
    assert (found["hub"].reference, found["hub"].revision) == ("owner/name", "main")


@pytest.mark.parametrize("process", ["up", "web"])
def test_no_process_listens_where_others_could_reach_it(command: Command, process: str) -> None:
    done = command(process, STUDIO_HOST="0.0.0.0")
    assert done.returncode == 2
    assert "no login" in done.stderr


def _finish(studio: Studio, run_id: str) -> None:
    """Do to a run what a worker and its child do."""
    run = attempts.claim(studio.database, "here:1:1.00", 30)
    assert run is not None
    assert run.id == run_id
    attempts.begin(studio.database, run.id, run.attempt)
    points = [Point("loss", step, 2.0 - 0.25 * step) for step in (1, 2, 3)]
    metrics.report(studio.database, run.id, run.attempt, points, step=3, total_steps=3)
    folder = studio.artifacts.adapter("adapter_0123456789ab")
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(bytes(1000))
    found = {"step": 3, "eval_loss": None, "bytes": 1000, "sha256": "c" * 64}
    adapters.publish(studio.database, run.id, run.attempt, "adapter_0123456789ab", found)
    attempts.end(studio.database, run.id, run.attempt, RunStatus.FINISHED, "finished")
