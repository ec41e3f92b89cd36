"""This studio as a contender: its real worker, warm, with the data and the model added before."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from storage import metrics
from storage.ids import LOCAL_PERSON
from storage.runs import Run
from storage.settings import Settings
from storage.status import RunStatus, WorkStatus
from studio.services import base_models, datasets, runs
from studio.services.studio import opened
from tests.benchmarks import shared_job
from tests.benchmarks.contenders import PROJECT, Cores, DidNotFinish, Finding
from tests.benchmarks.meter import Meter, processor_seconds
from tests.benchmarks.shared_job import SharedJob

Found = TypeVar("Found")

_GOING = (RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING)


class TuningStudio:
    """A worker as `tuning-studio up` starts it, over a home of its own.

    Args:
        job: its rows and its model are added.
        cores: see `Cores`.
        home: a new folder.
        changes: settings of the run besides the job's own.
    """

    def __init__(self, job: SharedJob, cores: Cores, home: Path, **changes: Any) -> None:
        self.name = "Tuning Studio" + (f" ({_words(changes)})" if changes else "")
        self._changes = changes
        home.mkdir()
        self._studio = opened(Settings(home=home))
        self._log = home / "worker.log"
        with cores.kept(), self._log.open("w") as log:
            self._worker = subprocess.Popen(
                [sys.executable, "-P", "-m", "worker"],
                cwd=PROJECT,
                env=self._studio.settings.environment() | cores.threads(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._dataset, self._model = self._add(job)
        _until(lambda: "training_libraries_loaded" in self._log.read_text(), 180)
        time.sleep(1)  # then it looks at the new data by itself: not a part of this job
        _until(self._is_idle, 120)

    def train(self, job: SharedJob, folder: Path) -> Finding:
        """Start the run as the page does, and wait until it has finished."""
        values = {**self._settings(job), **self._changes, "name": folder.name}
        spent = processor_seconds(self._worker.pid)
        with Meter(self._worker.pid) as meter:
            began = time.monotonic()
            run_id = runs.start(self._studio, LOCAL_PERSON, values).id
            _until(lambda: self._losses(run_id) or self._run(run_id).status not in _GOING, 600)
            first_loss = time.monotonic() - began
            _until(lambda: self._run(run_id).status not in _GOING, 3600)
            wall = time.monotonic() - began
        spent = processor_seconds(self._worker.pid) - spent
        run = self._run(run_id)
        if run.status is not RunStatus.FINISHED or run.adapter_id is None or run.facts is None:
            raise DidNotFinish(f"{run.status}: {run.error} {run.hint}")
        return Finding(
            wall,
            spent,
            first_loss,
            meter.largest,
            meter.together,
            self._losses(run_id),
            self._studio.artifacts.adapter(run.adapter_id),
            (run.facts["train_tokens"], run.facts["train_learned"]),
            run.facts["path"],
        )

    def end(self) -> None:
        """End the worker."""
        self._worker.terminate()
        self._worker.wait(60)
        self._studio.database.close()

    def _settings(self, job: SharedJob) -> dict[str, Any]:
        """The job in the form's words: a packed block at a time, as there is no padding then."""
        return {
            "dataset_id": self._dataset,
            "base_model_id": self._model,
            "max_length": shared_job.LENGTH,
            "batch_size": 1,
            "rank": shared_job.RANK,
            "alpha": shared_job.ALPHA,
            "learning_rate": shared_job.LEARNING_RATE,
            "scheduler": shared_job.SCHEDULER,
            "warmup_ratio": 0.0,
            "epochs": job.epochs,
            "seed": shared_job.SEED,
            "eval_share": 0.0,
        }

    def _add(self, job: SharedJob) -> tuple[str, str]:
        data = datasets.receive_file(self._studio, LOCAL_PERSON, job.rows)
        model = base_models.add_folder(self._studio, LOCAL_PERSON, str(job.model))
        _until(lambda: self._is_ready(datasets.get, data.id), 120)
        _until(lambda: self._is_ready(base_models.get, model.id), 120)
        return data.id, model.id

    def _is_idle(self) -> bool:
        """Tell whether no child of the worker is at work: each leads a session of its own."""
        found = [one.pid for one in psutil.Process(self._worker.pid).children(recursive=True)]
        return not any(_leads_a_session(pid) for pid in found)

    def _is_ready(self, get: Callable[..., Any], identifier: str) -> bool:
        found = get(self._studio, LOCAL_PERSON, identifier)
        if found.status is WorkStatus.FAILED:
            raise DidNotFinish(f"{found.name}: {found.error}")
        return bool(found.status is WorkStatus.READY)

    def _run(self, run_id: str) -> Run:
        return runs.get(self._studio, LOCAL_PERSON, run_id)

    def _losses(self, run_id: str) -> list[float]:
        points = metrics.after(self._studio.database, run_id).points
        return [one.value for one in points if one.name == "loss" and one.value is not None]


def _leads_a_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def _until(condition: Callable[[], Found], seconds: float) -> Found:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise DidNotFinish(f"waited {seconds:.0f} s in vain")
        time.sleep(0.05)
    return value


def _words(changes: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in changes.items())
