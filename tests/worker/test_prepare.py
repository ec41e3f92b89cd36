"""Datasets and base models are prepared in children, for real."""

import hashlib
import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from storage import base_models, datasets, work
from storage.artifacts import Artifacts, verify
from storage.errors import StudioError
from storage.status import WorkStatus
from storage.tables import BaseModelRow, DatasetRow
from tests.worker.conftest import Home
from worker import prepare
from worker.children import Nursery
from worker.duties import WorkDuty
from worker.entries import ENTRIES
from worker.watch import Orders, Watch

LINE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n'
BROKEN = "{broken\n"


def uploaded(home: Home, text: str) -> str:
    """Return the id of a dataset whose file has arrived."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    folder = Artifacts(home.settings.home).dataset(sha256)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / datasets.ORIGINAL).write_text(text)
    return home.dataset(sha256)


def prepared(home: Home, table: Any) -> None:
    """Let a child prepare the next row."""
    row = work.claim(home.database, table, "test", 60)
    Watch(WorkDuty(home.database, home.settings, row, ENTRIES), Nursery(), Orders(), 0.5).run()


def test_a_file_is_read_by_a_child_and_what_it_found_stands_in_the_row(home: Home) -> None:
    identifier = uploaded(home, LINE * 3 + BROKEN)
    prepared(home, DatasetRow)
    found = home.found(identifier)
    assert (found.status, found.shape, found.rows_good, found.rows_refused) == (
        WorkStatus.READY,
        "messages",
        3,
        1,
    )
    assert found.report is not None
    folder = Artifacts(home.settings.home).dataset(found.sha256) / datasets.PREPARED
    assert {entry["name"] for entry in verify(folder)["files"]} >= {"rows.jsonl", "faults.jsonl"}


def test_a_file_of_no_use_fails_in_words_and_leaves_no_folder(home: Home) -> None:
    identifier = uploaded(home, "")
    prepared(home, DatasetRow)
    found = home.found(identifier)
    assert found.status is WorkStatus.FAILED
    assert "no examples" in (found.error or "")
    folder = Artifacts(home.settings.home).dataset(found.sha256)
    assert [path.name for path in folder.iterdir()] == [datasets.ORIGINAL]


def test_the_same_content_is_read_once(home: Home) -> None:
    uploaded(home, LINE)
    row = work.claim(home.database, DatasetRow, "test", 60)
    first = prepare.dataset(home.settings, row, lambda *_: None)
    (Artifacts(home.settings.home).dataset(row.sha256) / datasets.ORIGINAL).unlink()
    assert prepare.dataset(home.settings, row, lambda *_: None) == first


def test_a_model_folder_is_used_in_place(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=write_model, args=(folder,))
    writer.start()
    writer.join()
    place = (base_models.Source.FOLDER, f" {folder} ")
    added = base_models.add(home.database, "local", "Mine", *place)
    prepared(home, BaseModelRow)
    found = base_models.get(home.database, "local", added.id)
    assert (found.status, found.folder) == (WorkStatus.READY, str(folder))
    assert found.fingerprint
    assert len(found.fingerprint) == 64
    config = json.loads((folder / "config.json").read_text())
    assert found.facts
    assert found.facts["layers"] == config["num_hidden_layers"]


def test_a_folder_that_is_not_there_fails_in_words(home: Home) -> None:
    identifier = home.base_model()
    prepared(home, BaseModelRow)
    found = base_models.get(home.database, "local", identifier)
    assert found.status is WorkStatus.FAILED
    assert "/nowhere" in (found.error or "")
    assert found.hint


def test_progress_of_a_superseded_attempt_ends_the_work(home: Home) -> None:
    uploaded(home, LINE)
    row = work.claim(home.database, DatasetRow, "test", 60)

    def report(share: float, words: str) -> None:
        raise StudioError("superseded")

    with pytest.raises(StudioError, match="superseded"):
        prepare.dataset(home.settings, row, report)


def write_model(folder: Path) -> None:
    """Write a tiny model, in a process of its own: this one stays without torch."""
    from transformers import LlamaConfig  # noqa: PLC0415  (heavy, and only for the child)

    from tests.fakes.tiny_models import save_model, save_tokenizer  # noqa: PLC0415

    save_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    save_model(folder, LlamaConfig(vocab_size=300, num_attention_heads=2, **shape))
