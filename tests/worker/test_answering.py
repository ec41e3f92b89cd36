"""A larger model writes the answers of a new version; nothing is written twice, nothing half."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage import base_models, datasets, owned, rows, work
from storage.artifacts import Artifacts
from storage.datasets import Dataset
from storage.errors import NotFound, StudioError, Superseded
from storage.ids import LOCAL_PERSON
from storage.operations import Answers
from storage.status import WorkStatus
from storage.tables import BaseModelRow, DatasetRow
from tests.fakes.learned_models import learned
from tests.fakes.studio_worker import until
from tests.worker.conftest import Home
from worker import answering, endings, entries, prepare
from worker.chat import author
from worker.chat.prompts import Prompts
from worker.children import Nursery
from worker.duties import WorkDuty
from worker.endings import Ending
from worker.prepare import Place
from worker.supervisor import PREPARING, WRITING

SAID = {"a?": "No.", "bb?": "Yes.", "ccc?": "Maybe.", "d?": "and so on and on and on ", "e?": ""}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that knows these answers; that to d has no end, to e none."""
    return learned(tmp_path_factory.mktemp("models") / "tiny-teacher", SAID)


def talk(*said: str, **more: Any) -> dict[str, Any]:
    """A row: question and answer in turn."""
    roles = ["user", "assistant"] * len(said)
    turns = [{"role": role, "content": content} for role, content in zip(roles, said, strict=False)]
    return {"messages": turns, **more}


ROWS = [talk("a?", "old"), talk("bb?", "old"), talk("ccc?", "old", split="test"), talk("d?", "old")]


@pytest.fixture(scope="module")
def renderer() -> Iterator[Prompts]:
    """Return the process that writes prompts; one for all tests, as it takes seconds to start."""
    made = Prompts()
    yield made
    made.close()


class Desk:
    """A home with a teacher and data, and what the worker makes of it."""

    def __init__(self, home: Home, teacher: Path) -> None:
        self.home = home
        self.files = Artifacts(home.settings.home)
        place = (base_models.Source.FOLDER, str(teacher))
        added = base_models.add(home.database, LOCAL_PERSON, "Large", *place)
        row = work.claim(home.database, BaseModelRow, "test", 60)
        assert row is not None
        found = {"folder": str(teacher), "fingerprint": "f" * 64}
        work.finish(home.database, BaseModelRow, (added.id, row.attempt), **found)
        self.voice = f"base:{added.id}"

    def data(self, *lines: dict[str, Any]) -> str:
        """Return the id of a dataset of these rows, read by the worker."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        folder = self.files.dataset(sha256)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / datasets.ORIGINAL).write_text(text)
        added = self.home.dataset(sha256)
        self.make()
        return added

    def ask(self, data: str, **settings: Any) -> Dataset:
        """Return a version that waits for its answers."""
        given = {"dataset_id": data, "voice": self.voice, "longest": 12, **settings}
        operation = Answers(**given)
        return datasets.derive(self.home.database, LOCAL_PERSON, "Answered", operation)

    def make(self, report: Callable[[float, str], None] | None = None) -> None:
        """Do the next piece of work on data, as the worker does."""
        row = work.claim(self.home.database, DatasetRow, "test", 60)
        assert row is not None
        key = (row.id, row.attempt)

        def told(share: float, words: str) -> None:
            work.report(self.home.database, DatasetRow, key, share, words)
            if report is not None:
                report(share, words)

        found = prepare.dataset(Place(self.home.settings, self.home.database), row, told)
        duty = WorkDuty(self.home.database, self.home.settings, row, entries.ENTRIES)
        duty.end(Ending(WorkStatus.READY, found=found))

    def made(self, made: Dataset) -> list[dict[str, Any]]:
        """Return the rows of a version."""
        found = self.home.found(made.id)
        assert found.status is WorkStatus.READY
        folder = self.files.dataset(found.sha256) / found.prepared
        return list(rows.iterate(folder))

    def kept(self, made: Dataset) -> Path:
        """Return the folder of what an attempt leaves the next."""
        return self.files.work(made.id) / endings.KEPT


@pytest.fixture
def desk(home: Home, teacher: Path, renderer: Prompts, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a fresh desk."""
    monkeypatch.setattr(renderer, "close", lambda: None)
    monkeypatch.setattr(author, "Prompts", lambda: renderer)
    return Desk(home, teacher)


def answers(found: list[dict[str, Any]]) -> dict[str, str]:
    """Return the last answer by the question before it."""
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in found}


def test_the_old_questions_get_the_answers_of_the_model_and_the_report_says_so(desk: Desk) -> None:
    data = desk.data(*ROWS, talk("e?", "old"))
    version = desk.ask(data, called="Large")
    desk.make()
    made = desk.made(version)
    assert answers(made) == {"a?": "No.", "bb?": "Yes.", "ccc?": "Maybe."}
    assert [row.get("split") for row in made] == [None, None, "test"], "the exam stays the exam"
    found = desk.home.found(version.id)
    assert found.parents == [data]
    assert found.report is not None
    told = found.report["written_by"]
    assert (told["model"], told["written"], told["cut_off"], told["empty"]) == ("Large", 3, 1, 1)
    assert found.report["warnings"][-2:] == [
        "Answers left out because they were cut off at the longest answer allowed: 1.",
        "Answers left out because they were empty: 1.",
    ]
    assert not desk.kept(version).exists()


def test_cut_off_answers_are_kept_where_that_is_asked(desk: Desk) -> None:
    version = desk.ask(desk.data(ROWS[0], ROWS[3]), keep_cut_off=True)
    desk.make()
    assert answers(desk.made(version))["d?"].startswith("and so on")


def test_the_old_conversations_can_stay_beside_the_new_ones(desk: Desk) -> None:
    version = desk.ask(desk.data(*ROWS), existing="keep")
    desk.make()
    said = [[turn["content"] for turn in row["messages"]] for row in desk.made(version)]
    assert said[:3] == [["a?", "old"], ["a?", "No."], ["bb?", "old"]]
    assert len(said) == 7, "that to d was cut off"
    assert "stay as they were, beside the new ones: 4" in " ".join(told(desk, version))


def told(desk: Desk, version: Dataset) -> list[str]:
    report = desk.home.found(version.id).report
    assert report is not None
    words: list[str] = report["warnings"]
    return words


def test_plain_texts_are_questions_as_they_stand(desk: Desk) -> None:
    version = desk.ask(desk.data({"text": "a?"}, {"text": "bb?"}))
    desk.make()
    assert answers(desk.made(version)) == {"a?": "No.", "bb?": "Yes."}
    assert desk.home.found(version.id).target == "chat"


def test_a_worker_that_died_goes_on_without_writing_an_answer_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = desk.data(*(talk("a?" if n % 2 else "bb?", f"old {n}") for n in range(40)))
    whole = desk.ask(data, temperature=0.7)
    desk.make()
    version = desk.ask(data, temperature=0.7)
    written: list[int] = []
    add = answering.Journal.add

    def counted(journal: answering.Journal, number: int, fate: Any, text: str) -> None:
        if len(written) == 20:
            raise KeyboardInterrupt
        written.append(number)
        add(journal, number, fate, text)

    with monkeypatch.context() as dying:
        dying.setattr(answering.Journal, "add", counted)
        with pytest.raises(KeyboardInterrupt):
            desk.make()
    journal = desk.kept(version) / answering.JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"row":39,"fa')  # a line that the death tore apart
    assert desk.home.found(version.id).sha256 == datasets.NOT_MADE, "nothing half is seen"
    before = journal.read_bytes()
    work.crashed(desk.home.database, DatasetRow, (version.id, 1), "killed")
    again: list[int] = []

    def noted(journal: answering.Journal, number: int, fate: Any, text: str) -> None:
        again.append(number)
        add(journal, number, fate, text)

    monkeypatch.setattr(answering.Journal, "add", noted)
    desk.make()
    assert sorted([*written, *again]) == list(range(40))
    assert before.count(b"\n") == 21, "a line that says of what work, and the answers"
    assert desk.made(version) == desk.made(whole), "each answer has a chance of its own"


def test_deleting_the_version_ends_the_work_and_bringing_it_back_goes_on(desk: Desk) -> None:
    data = desk.data(*(talk("a?", f"old {n}") for n in range(40)))
    version = desk.ask(data)

    def delete_on_the_way(share: float, _words: str) -> None:
        if share > 0:
            owned.mark_deleted(
                desk.home.database, DatasetRow, LOCAL_PERSON, version.id, deleted=True
            )

    with pytest.raises(Superseded):
        desk.make(delete_on_the_way)
    assert work.claim(desk.home.database, DatasetRow, "test", 60) is None
    owned.mark_deleted(desk.home.database, DatasetRow, LOCAL_PERSON, version.id, deleted=False)
    desk.make()
    assert len(desk.made(version)) == 40


def test_what_cannot_be_answered_is_told_in_words(desk: Desk) -> None:
    texts = desk.data({"text": "A text."})
    fails(desk, texts, "plain texts, which cannot stay", "take the place", existing="keep")
    fails(desk, desk.data(talk("d?", "old")), "cut off", "Raise the longest answer")
    long = desk.data(talk("d?" * 200, "old"))
    fails(desk, long, "do not fit into the model's context", "longer context")
    gone = desk.ask(long, voice="base:gone")
    with pytest.raises(NotFound):
        desk.make()
    assert gone.operation is not None


def fails(desk: Desk, data: str, words: str, hint: str, **settings: Any) -> None:
    version = desk.ask(data, **settings)
    with pytest.raises(StudioError) as caught:
        desk.make()
    assert words in caught.value.message
    assert hint in caught.value.hint
    work.fail(desk.home.database, DatasetRow, (version.id, 1), caught.value)


def test_answers_are_written_in_a_lane_of_their_own(desk: Desk) -> None:
    plain = desk.data(*ROWS)
    version = desk.ask(plain)
    other = desk.home.dataset("b" * 64)

    def claims(lane: Any) -> list[str]:
        ((table, conditions), *_) = lane.work
        with desk.home.database.read() as session:
            waiting = select(table.id).where(table.status == WorkStatus.WAITING, *conditions)
            return list(session.scalars(waiting))

    assert claims(WRITING) == [version.id]
    assert claims(PREPARING) == [other]
    with desk.home.database.read() as session:
        kind = entries.kind_of(session.get_one(DatasetRow, version.id))
    assert entries.ENTRIES[kind].warm


def test_a_child_that_is_killed_leaves_its_answers_to_the_next(home: Home, teacher: Path) -> None:
    desk, nursery = Desk(home, teacher), Nursery()
    endless = {"longest": 150, "keep_cut_off": True}
    version = desk.ask(desk.data(*(talk("d?", f"old {n}") for n in range(24))), **endless)
    journal = desk.kept(version) / answering.JOURNAL

    def lines() -> list[bytes]:
        return journal.read_bytes().splitlines() if journal.exists() else []

    row = work.claim(home.database, DatasetRow, "test", 60)
    child = nursery.start(WorkDuty(home.database, home.settings, row, entries.ENTRIES).task)
    until(lambda: len(lines()) > 10, 120)
    child.kill()
    child.wait(10)
    before = lines()
    assert len(before) < 25, "it was killed on the way"
    work.crashed(home.database, DatasetRow, (version.id, 1), "killed")
    row = work.claim(home.database, DatasetRow, "test", 60)
    duty = WorkDuty(home.database, home.settings, row, entries.ENTRIES)
    child = nursery.start(duty.task)
    assert until(lambda: child.exit_code is not None, 120)
    assert lines()[: len(before)] == before, "what was written is not written again"
    assert len(lines()) == 25
    ending = endings.take(duty.task.folder, 2)
    assert ending is not None
    duty.end(ending)
    assert len(desk.made(version)) == 24
    assert not journal.exists()
