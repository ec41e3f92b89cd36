"""Data, models and machines to give advice about: read by the worker's own code, no database."""

from datetime import UTC, datetime
from typing import Any

import pytest

from storage import model_facts
from storage.base_models import Base, Source
from storage.datasets import Dataset
from storage.model_facts import ModelFacts
from storage.status import WorkStatus
from tests.fakes.workplace import write_llama

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def dataset(rows: int = 500, mean: float = 360.0, longest: int = 1000, **changes: Any) -> Dataset:
    """Return a dataset that was read: so many rows of so many characters."""
    report = {"characters": {"mean": mean, "longest": longest}}
    told = {
        "id": "data_000000000001", "owner": "local", "name": "Answers", "created_at": NOW,
        "deleted_at": None, "status": WorkStatus.READY, "stage": "", "progress": 1.0,
        "error": None, "hint": None, "sha256": "a" * 64, "bytes": 1, "shape": "messages",
        "target": "chat", "fingerprint": "b" * 64, "rows_good": rows, "rows_repaired": 0,
        "rows_refused": 0, "rows_held_out": 0, "report": report, "mapping": None,
        "question": None, "operation": None, "parents": [],
    }  # fmt: skip
    return Dataset(**{**told, **changes})


def base(**changes: Any) -> Base:
    """Return a base model that is ready."""
    told = {
        "id": "model_000000000001", "owner": "local", "name": "Tiny", "created_at": NOW,
        "deleted_at": None, "status": WorkStatus.READY, "stage": "", "progress": 1.0,
        "error": None, "hint": None, "source": Source.FOLDER, "reference": "/tiny",
        "revision": None, "folder": "/tiny", "fingerprint": "f", "facts": None,
    }  # fmt: skip
    return Base(**{**told, **changes})


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> ModelFacts:
    """Return the facts of a tiny Llama, 32 wide, that reads 128 tokens at once."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_llama(folder)
    return model_facts.read(folder)
