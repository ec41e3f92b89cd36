"""Datasets and base models are prepared in children, for real."""

import hashlib
import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from storage import base_models, datasets, owned, rows, work
from storage.artifacts import Artifacts, verify
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from storage.mappings import Mapping, signature
from storage.operations import Clean, Sample
from storage.status import WorkStatus
from storage.tables import BaseModelRow, DatasetRow
from tests.worker.conftest import Home
from worker import prepare
from worker.children import Nursery
from worker.duties import WorkDuty
from worker.entries import ENTRIES
from worker.prepare import Place
from worker.watch import Orders, Watch

LINE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n'
BROKEN = "{broken\n"
COLUMNS = "Spalte A,Spalte B,Nr\n" + "".join(
    f"It is due on day {n} or later.,When is it due?,{n}\n" for n in (1, 2, 3)
)


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
    folder = Artifacts(home.settings.home).dataset(found.sha256) / found.prepared
    assert {entry["name"] for entry in verify(folder)["files"]} >= {"rows.jsonl", "faults.jsonl"}


def test_a_file_of_no_use_fails_in_words_and_leaves_no_folder(home: Home) -> None:
    identifier = uploaded(home, "")
    prepared(home, DatasetRow)
    found = home.found(identifier)
    assert found.status is WorkStatus.FAILED
    assert "no examples" in (found.error or "")
    folder = Artifacts(home.settings.home).dataset(found.sha256)
    assert {path.name for path in folder.iterdir()} == {datasets.ORIGINAL, ".rows.lock"}


def test_the_same_content_is_read_once(home: Home) -> None:
    uploaded(home, LINE)
    row = work.claim(home.database, DatasetRow, "test", 60)
    place = Place(home.settings, home.database)
    first = prepare.dataset(place, row, lambda *_: None)
    (Artifacts(home.settings.home).dataset(row.sha256) / datasets.ORIGINAL).unlink()
    assert prepare.dataset(place, row, lambda *_: None) == first


def test_what_the_worker_cannot_tell_it_asks_and_goes_on_with_the_answer(home: Home) -> None:
    identifier = uploaded(home, COLUMNS)
    prepared(home, DatasetRow)
    asked = home.found(identifier)
    assert asked.status is WorkStatus.UNSURE
    assert asked.question is not None
    names = [column["name"] for column in asked.question["columns"]]
    assert names == ["Spalte A", "Spalte B", "Nr"]
    mapping = Mapping(question=("Spalte B",), answer="Spalte A")
    datasets.answer(home.database, LOCAL_PERSON, identifier, mapping, signature(names))
    prepared(home, DatasetRow)
    found = home.found(identifier)
    assert (found.status, found.rows_good, found.target) == (WorkStatus.READY, 3, "chat")
    folder = Artifacts(home.settings.home).dataset(found.sha256) / found.prepared
    first = next(rows.iterate(folder))["messages"]
    assert [turn["content"] for turn in first] == [
        "When is it due?",
        "It is due on day 1 or later.",
    ]


def test_the_next_file_of_that_shape_is_read_without_a_question(home: Home) -> None:
    mapping = Mapping(question=("Spalte B",), answer="Spalte A")
    identifier = uploaded(home, COLUMNS)
    prepared(home, DatasetRow)
    shape = signature(["Spalte A", "Spalte B", "Nr"])
    datasets.answer(home.database, LOCAL_PERSON, identifier, mapping, shape)
    second = uploaded(home, COLUMNS.replace("due", "over"))
    for _ in range(2):
        prepared(home, DatasetRow)
    assert home.found(second).status is WorkStatus.READY
    assert home.found(second).mapping == mapping.model_dump(mode="json")


def test_a_version_is_made_of_its_parents_rows_and_read_like_a_file(home: Home) -> None:
    parent = uploaded(home, "".join(LINE.replace("Hi", f"Hi {n}") for n in range(9)))
    prepared(home, DatasetRow)
    sample = Sample(dataset_id=parent, rows=4)
    made = datasets.derive(home.database, LOCAL_PERSON, "Four", sample)
    prepared(home, DatasetRow)
    found = home.found(made.id)
    assert (found.status, found.rows_good, found.parents) == (WorkStatus.READY, 4, [parent])
    files = Artifacts(home.settings.home)
    kept = files.dataset(found.sha256) / found.prepared / "rows.jsonl"
    assert kept.read_bytes() == (files.dataset(found.sha256) / datasets.ORIGINAL).read_bytes()
    assert not (files.work(made.id) / "made").exists()


def test_a_version_outlives_its_parents_deletion(home: Home) -> None:
    parent = uploaded(home, LINE * 3)
    prepared(home, DatasetRow)
    made = datasets.derive(home.database, LOCAL_PERSON, "One", Clean(dataset_id=parent))
    owned.mark_deleted(home.database, DatasetRow, LOCAL_PERSON, parent, deleted=True)
    prepared(home, DatasetRow)
    assert home.found(made.id).rows_good == 1


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
        prepare.dataset(Place(home.settings, home.database), row, report)


def write_model(folder: Path) -> None:
    """Write a tiny model, in a process of its own: this one stays without torch."""
    from transformers import LlamaConfig  # noqa: PLC0415  (heavy, and only for the child)

    from tests.fakes.tiny_models import save_model, save_tokenizer  # noqa: PLC0415

    save_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    save_model(folder, LlamaConfig(vocab_size=300, num_attention_heads=2, **shape))
