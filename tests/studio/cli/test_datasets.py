"""`tuning-studio dataset`, as a person calls it."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from storage import datasets as stored
from storage.ids import LOCAL_PERSON as ME
from studio import web
from studio.services import datasets, uploads
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready, unsure
from tests.studio.conftest import Command

LINE = b'{"prompt": "What is a fever?", "completion": "A body temperature above 38 degrees."}\n'
FAULT = {"file": "a", "line": 2, "column": 1, "kind": "syntax", "reason": "Broken.", "hint": "h"}


def test_files_are_added_and_known_ones_recognised(
    command: Command, running: Studio, tmp_path: Path
) -> None:
    (tmp_path / "one.jsonl").write_bytes(LINE)
    (tmp_path / "two.jsonl").write_bytes(LINE * 2)
    (tmp_path / "same.jsonl").write_bytes(LINE)
    done = command("dataset", "add", "one.jsonl", "two.jsonl", "same.jsonl")
    assert done.returncode == 0, done.stderr
    one, two, same = done.stdout.split()
    assert one == same != two
    assert "same.jsonl is here already: one.jsonl." in done.stderr
    missing = command("dataset", "add", "none.jsonl")
    assert missing.returncode == 1
    assert "none.jsonl cannot be read" in missing.stderr


def test_an_upload_that_was_broken_off_is_gone_on_with(
    command: Command, running: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = LINE * 200_000
    (tmp_path / "large.jsonl").write_bytes(content)
    modified = round((tmp_path / "large.jsonl").stat().st_mtime * 1000)
    begun = uploads.begin(running, ME, "large.jsonl", len(content), modified)
    uploads.put(running, ME, begun.id, 0, content[:5_000_000])
    sent = []
    real = uploads.put

    def noting(studio: Studio, owner: str, upload: str, offset: int, piece: bytes) -> object:
        sent.append((offset, len(piece)))
        return real(studio, owner, upload, offset, piece)

    monkeypatch.setattr(uploads, "put", noting)
    done = command("dataset", "add", "large.jsonl")

    assert done.returncode == 0, done.stderr
    assert sent[0][0] == 5_000_000
    assert sum(size for _, size in sent) == len(content) - 5_000_000
    assert max(size for _, size in sent) <= 8 * 2**20
    kept = datasets.original(running, ME, done.stdout.strip())
    assert kept.read_bytes() == content


def test_it_waits_for_a_studio_that_starts_again(
    settings: object,
    studio: Studio,
    command: Command,
    served_at: Callable[[FastAPI, int], AbstractContextManager[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = LINE * 300_000
    (tmp_path / "large.jsonl").write_bytes(content)
    first_piece = threading.Event()
    real = uploads.put

    def slow(studio: Studio, owner: str, upload: str, offset: int, piece: bytes) -> object:
        found = real(studio, owner, upload, offset, piece)
        first_piece.set()
        time.sleep(0.3)
        return found

    monkeypatch.setattr(uploads, "put", slow)
    done: list[subprocess.CompletedProcess[str]] = []
    sending = threading.Thread(target=lambda: done.append(command("dataset", "add", "large.jsonl")))
    with served_at(web.create_web(studio, None), studio.settings.port):
        sending.start()
        assert first_piece.wait(30)
    time.sleep(1.5)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{studio.settings.port}/healthz", trust_env=False)
    with served_at(web.create_web(studio, None), studio.settings.port):
        sending.join(60)
    assert done[0].returncode == 0, done[0].stderr
    kept = datasets.original(studio, ME, done[0].stdout.strip())
    assert kept.read_bytes() == content


def test_a_report_for_people_and_for_programs(command: Command, running: Studio) -> None:
    data = ready(running, questions(12), faults=[FAULT], rows_repaired=3, rows_held_out=2).id
    words = command("dataset", "report", data).stdout
    assert "12 good rows, 1 refused, 3 repaired, 2 kept for the exam" in words
    assert "line 2, column 1: Broken." in words
    found = json.loads(command("dataset", "report", data, "--json").stdout)
    assert (found["rows_good"], found["faults"]) == (12, [FAULT])
    missing = command("dataset", "report", "data_000000000000")
    assert missing.returncode == 1
    assert "There is no dataset" in missing.stderr


def test_rows_and_faults_are_saved(command: Command, running: Studio, tmp_path: Path) -> None:
    data = ready(running, questions(4), faults=[FAULT]).id
    assert command("dataset", "export", data, "-o", "mine.jsonl").stdout == "mine.jsonl\n"
    lines = (tmp_path / "mine.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == questions(4)
    assert command("dataset", "export", data, "--format", "csv").stdout == f"{data}.csv\n"
    assert (tmp_path / f"{data}.csv").exists()
    assert command("dataset", "faults", data).stdout == f"{data}-refused.jsonl\n"
    assert json.loads((tmp_path / f"{data}-refused.jsonl").read_text()) == FAULT
    wrong = command("dataset", "export", data, "--format", "xlsx")
    assert wrong.returncode == 1
    assert "format" in wrong.stderr
    assert not list(tmp_path.glob(".*.part"))


def test_columns_are_named_and_chosen(command: Command, running: Studio) -> None:
    records = [{"q": "What?", "about": "Fever.", "a": "That.", "fold": "exam"}]
    data = unsure(running, records).id
    asked = command("dataset", "report", data)
    assert asked.returncode == 1
    assert "q, about, a, fold" in asked.stderr
    assert f"dataset map {data}" in asked.stderr
    wrong = command("dataset", "map", data, "--question", "x", "--answer", "a")
    assert wrong.returncode == 1
    assert "mapping.question" in wrong.stderr
    options = ("--question", "q", "--context", "about", "--answer", "a")
    exam = ("--part", "split=fold", "--part", "held_out=exam, last")
    done = command("dataset", "map", data, *options, *exam)
    assert done.stdout == "table.csv: waiting\n", done.stderr
    mapping = stored.get(running.database, ME, data).mapping
    assert mapping is not None
    assert (mapping["question"], mapping["answer"]) == (["q", "about"], "a")
    assert (mapping["split"], mapping["held_out"]) == ("fold", ["exam", "last"])


def test_hub_names_and_versions(command: Command, running: Studio) -> None:
    fetched = command("dataset", "hub", "owner/name", "--split", "train")
    assert fetched.stdout.startswith("data_")
    listed = command("dataset", "versions", fetched.stdout.strip())
    assert "owner/name" in listed.stdout
    assert "hub" in listed.stdout


def test_a_model_that_is_not_there_cannot_write_answers(command: Command, running: Studio) -> None:
    data = ready(running, questions(2))
    asked = command("dataset", "answers", data.id, "--model", "base:gone", "--longest", "64")
    assert asked.returncode == 1
    assert "no such model" in asked.stderr
