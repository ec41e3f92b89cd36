"""The audit trail: entries tell who did what, and are only ever added."""

import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from storage import audit, audit_anchor, audit_check
from storage.audit import Action, Wanted
from storage.shipped import PROJECT
from storage.tables import now
from tests.fakes.audit_trail import anchor_of, noted


def test_an_entry_tells_who_did_what_and_when(story: Any) -> None:
    before = now()
    audit.noted(story.database, "anna", Action.DOWNLOADED, "adapter_1", {"name": "Ünïon", "n": 2})
    [entry] = audit.entries(story.database, Wanted())
    assert (entry.number, entry.actor, entry.action) == (1, "anna", "downloaded")
    assert entry.told == {"name": "Ünïon", "n": 2}
    assert entry.moment is not None
    assert before - timedelta(milliseconds=1) <= entry.moment <= now()


def test_a_hash_can_be_computed_without_the_studio(story: Any) -> None:
    audit.noted(story.database, "anna", Action.VOTED, "vote_😀é", {})
    audit.noted(story.database, "anna", Action.VOTED, "vote_2", {"why": "ü"})
    newest, first = audit.entries(story.database, Wanted())
    form = f'[1,"{first.at}","anna","voted","vote_\\ud83d\\ude00\\u00e9","{{}}","{"0" * 64}"]'
    assert first.hash == hashlib.sha256(form.encode()).hexdigest()
    details = '{\\"why\\":\\"\\\\u00fc\\"}'
    form = f'[2,"{newest.at}","anna","voted","vote_2","{details}","{first.hash}"]'
    assert newest.hash == hashlib.sha256(form.encode()).hexdigest()


def test_what_is_undone_is_not_told(story: Any) -> None:
    noted(story.database, 1)
    with pytest.raises(RuntimeError), story.database.write() as session:
        note_and_fail(session)
    assert len(audit.entries(story.database, Wanted())) == 1
    assert audit_anchor.read(anchor_of(story)).number == 1  # type: ignore[union-attr]
    noted(story.database, 1)
    assert audit_check.verify(story.database).entries == 2


def note_and_fail(session: Session) -> None:
    audit.note(session, "anna", Action.DELETED, "data_1", {})
    raise RuntimeError


def test_a_subject_stays_in_one_line(story: Any) -> None:
    audit.noted(
        story.database, "an\nna", Action.ADDED, "a\r\n\x1b[31mb\u2028c\u202ed\x00\ud800" * 60, {}
    )
    [entry] = audit.entries(story.database, Wanted())
    assert entry.actor == "an\\nna"
    assert entry.subject.startswith("a\\r\\n\\x1b[31mb\\u2028c\\u202ed\\x00\\ud800a")
    assert len(entry.subject) == audit.LONGEST_SUBJECT
    assert audit_check.verify(story.database).broken is None


def test_entries_are_found_by_what_was_done_by_whom_to_what_and_when(story: Any) -> None:
    noted(story.database, 5)
    audit.noted(story.database, "ben", Action.VOTED, "vote_1", {"reason": '50% clearer, "é"'})
    found = audit.entries(story.database, Wanted(action="downloaded"), most=2)
    assert [each.number for each in found] == [5, 4]
    found = audit.entries(story.database, Wanted(action="downloaded"), before=4)
    assert [each.number for each in found] == [3, 2, 1]
    for wanted in (
        Wanted(actor="ben"),
        Wanted(words="VOTE_"),
        Wanted(words="0% clear"),
        Wanted(words='"é"'),
    ):
        assert [each.number for each in audit.entries(story.database, wanted)] == [6]
    assert audit.entries(story.database, Wanted(words="%voted%")) == []
    assert audit.entries(story.database, Wanted(until=now() - timedelta(hours=1))) == []
    assert len(audit.entries(story.database, Wanted(since=now() - timedelta(hours=1)))) == 6


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'ben' WHERE number = 2",
        "DELETE FROM audit WHERE number = 3",
        "DELETE FROM audit WHERE number = 1",
        "INSERT OR REPLACE INTO audit SELECT 2, at, actor, action, subject, details, previous,"
        " hash FROM audit WHERE number = 1",
        "INSERT INTO audit SELECT 7, at, actor, action, subject, details, previous, hash"
        " FROM audit WHERE number = 1",
    ],
)
def test_the_database_lets_nobody_change_an_entry(story: Any, statement: str) -> None:
    noted(story.database, 3)
    with pytest.raises(DatabaseError, match="only ever added"), story.database.write() as session:
        session.execute(text(statement))
    assert audit_check.verify(story.database) == audit_check.verify(story.database)
    assert audit_check.verify(story.database).broken is None


def test_processes_that_note_at_once_leave_no_gap_and_no_fork(story: Any) -> None:
    racers = Path(__file__).with_name("racers.py")
    ended = subprocess.run(
        [sys.executable, str(racers), "note", str(story.home), "3", "20"],
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    numbers = [int(number) for line in ended.stdout.splitlines() for number in json.loads(line)]
    assert sorted(numbers) == list(range(1, 61))
    found = audit_check.verify(story.database)
    assert (found.entries, found.broken) == (60, None)
    assert found.last == audit_anchor.read(anchor_of(story))
