"""A studio's home with tiny real models and real rows, and runs in it that can be trained."""

import hashlib
import json
import multiprocessing
import sys
from array import array
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from storage import (
    adapters,
    artifacts,
    attempts,
    base_models,
    datasets,
    leases,
    metrics,
    runs,
    work,
)
from storage.artifacts import Artifacts
from storage.base_models import Source
from storage.checkpoints import Checkpoint, newest_first
from storage.database import Database, opened
from storage.ids import LOCAL_PERSON
from storage.metrics import Point
from storage.settings import Settings
from storage.specs import RunSpec
from storage.tables import BaseModelRow, DatasetRow
from tests.fakes import quick_home
from worker.models.importing import fingerprint
from worker.training import launch

Rows = list[dict[str, Any]]

QUICK: dict[str, Any] = {
    "rank": 4,
    "alpha": 8,
    "learning_rate": 5e-3,
    "max_steps": 4,
    "batch_size": 2,
    "max_length": 64,
    "eval_share": 0.2,
    "early_stopping": 0,
}
"""Settings of a run that takes a moment."""


def conversations(count: int, words: int = 3) -> Rows:
    """Return rows of one question and one answer each, all different."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"What about {number}?" + " really" * (number % words)},
                {"role": "assistant", "content": f"About {number}: take {number} pills."},
            ]
        }
        for number in range(count)
    ]


@dataclass
class TrainingHome:
    """A home folder; everything in it belongs to the local person."""

    home: Path
    database: Database
    queue_url: str | None = None

    @classmethod
    def make(cls, home: Path) -> "TrainingHome":
        """Make the folder's database."""
        home.mkdir(parents=True, exist_ok=True)
        quick_home.with_schema(home)
        return cls(home, opened(Settings(home=home)))

    @property
    def settings(self) -> Settings:
        """The settings that processes of this home are given."""
        return Settings(home=self.home, queue_url=self.queue_url)

    @property
    def files(self) -> Artifacts:
        """The folders."""
        return Artifacts(self.home)

    def dataset(self, rows: Rows) -> str:
        """Return the id of a dataset with these rows, as if it had been inspected."""
        lines = [json.dumps(row) + "\n" for row in rows]
        sha256 = hashlib.sha256("".join(lines).encode()).hexdigest()
        folder = self.files.dataset(sha256) / datasets.prepared_name(None)
        if not folder.exists():
            with artifacts.staged(folder) as staging:
                (staging / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
                starts = array("Q", [sum(map(len, lines[:n])) for n in range(len(lines))])
                (staging / "rows.idx").write_bytes(starts.tobytes())
                numbers = array("Q", range(1, len(lines) + 1))
                (staging / "lines.idx").write_bytes(numbers.tobytes())
        added = datasets.add(self.database, LOCAL_PERSON, "Answers", sha256, 10).id
        row = work.claim(self.database, DatasetRow, "test", 30)
        assert row is not None
        work.finish(self.database, DatasetRow, (added, row.attempt), **_found(rows, sha256))
        return added

    def base_model(self, folder: Path) -> str:
        """Return the id of the model in a folder."""
        place = (Source.FOLDER, str(folder))
        added = base_models.add(self.database, LOCAL_PERSON, folder.name, *place).id
        row = work.claim(self.database, BaseModelRow, "test", 30)
        assert row is not None
        config = json.loads((folder / "config.json").read_bytes())
        facts = {"licence": "mit", "model_type": config["model_type"]}
        found = {"folder": str(folder), "fingerprint": fingerprint(folder), "facts": facts}
        work.finish(self.database, BaseModelRow, (added, row.attempt), **found)
        return added

    def queue(self, dataset_id: str, base_model_id: str, **changes: Any) -> runs.Run:
        """Return a queued run with QUICK settings and these changes."""
        places = {"dataset_id": dataset_id, "base_model_id": base_model_id}
        spec = RunSpec(**{"name": "Try", **places, **QUICK, **changes})
        return runs.add(self.database, LOCAL_PERSON, spec)

    def claim(self) -> runs.Run:
        """Return the next run, claimed and begun by this very process."""
        run = attempts.claim(self.database, leases.worker_name(), 600)
        assert run is not None
        attempts.begin(self.database, run.id, run.attempt)
        return run

    def train(self) -> tuple[runs.Run, launch.Outcome]:
        """Claim the next run and train it in this process; returns it as it is afterwards."""
        run = self.claim()
        outcome = self.train_claimed(run)
        return self.run(run.id), outcome

    def train_claimed(self, run: runs.Run) -> launch.Outcome:
        """Train a claimed run in this process."""
        return launch.train(self.settings, run.id, run.attempt)

    def start(self) -> tuple[runs.Run, BaseProcess]:
        """Claim the next run and train it in a fork of a process that has torch imported."""
        run = self.claim()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["worker.training.preload"])
        process = context.Process(target=_train_and_exit, args=(self.home, run.id, run.attempt))
        process.start()
        return run, process

    def run(self, run_id: str) -> runs.Run:
        """Return a run as it is now."""
        return runs.get(self.database, LOCAL_PERSON, run_id)

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """Return a run's checkpoints, newest first."""
        return newest_first(self.files.run(run_id))

    def points(self, run_id: str) -> list[Point]:
        """Return all points of a run."""
        return metrics.after(self.database, run_id).points

    def curve(self, run_id: str, name: str) -> dict[int, float | None]:
        """Return one curve of a run: values by step."""
        return {point.step: point.value for point in self.points(run_id) if point.name == name}

    def adapter_folder(self, run_id: str) -> Path:
        """Return the folder of a run's adapter."""
        adapter_id = self.run(run_id).adapter_id
        assert adapter_id is not None
        return self.files.adapter(adapters.get(self.database, LOCAL_PERSON, adapter_id).id)


def _train_and_exit(home: Path, run_id: str, attempt: int) -> None:
    outcome = launch.train(Settings(home=home), run_id, attempt)
    sys.stdout.write(f"{outcome.status}: {outcome.words}\n")


def _found(rows: Rows, sha256: str) -> dict[str, Any]:
    """What the reading of such a file finds out, as far as training asks."""
    fields = {"text": "text", "chosen": "preference", "label": "labelled"}
    target = next((fields[name] for name in fields if rows and name in rows[0]), "chat")
    return {
        "shape": "text" if target == "text" else "messages",
        "target": target,
        "fingerprint": sha256,
        "rows_good": len(rows),
        "rows_held_out": sum(row.get("split") == "test" for row in rows),
    }
