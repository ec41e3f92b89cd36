"""The audit trail: entries are only added, and the chain shows what was done to them otherwise."""

import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from storage import audit, audit_anchor, audit_check, audit_rules
from storage.audit import Action, Wanted
from storage.audit_anchor import Anchor
from storage.audit_check import Break
from storage.audit_rules import Rules
from storage.database import Database
from storage.shipped import PROJECT
from storage.tables import now
from storage.trust_tables import AuditRow

TRIGGERS = ("audit_unchanged", "audit_in_order", "audit_kept")
DAY = 86_400


def noted(database: Database, count: int) -> None:
    """Note so many downloads."""
    for number in range(1, count + 1):
        audit.noted(database, "anna", Action.DOWNLOADED, f"adapter_{number}", {"bytes": number})


def by_hand(database: Database, *statements: str) -> None:
    """Do to the table what nobody should, with the triggers taken away."""
    with database.write() as session:
        for name in TRIGGERS:
            session.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        for statement in statements:
            session.execute(text(statement))


def anchor_of(story: Any) -> Path:
    """Return the file with the newest entry."""
    return Path(story.home) / audit_anchor.NAME


def rehash(database: Database, first: int) -> None:
    """Write a sound chain over what stands there from an entry on, as a forger would."""
    with database.write() as session:
        rows = audit.batch(session, Wanted(), first - 2)
        previous = rows[0].hash if rows[0].number < first else audit.BEGINNING
        for row in rows:
            if row.number < first:
                continue
            texts = row.at, row.actor, row.action, row.subject, row.details, previous
            previous = audit.digest(row.number, *texts)
            values = {"p": texts[-1], "h": previous, "n": row.number}
            statement = "UPDATE audit SET previous = :p, hash = :h WHERE number = :n"
            session.execute(text(statement), values)


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


def test_a_trail_that_nobody_touched_is_whole(story: Any) -> None:
    empty = audit_check.verify(story.database)
    assert (empty.entries, empty.last, empty.broken) == (0, None, None)
    noted(story.database, 3)
    found = audit_check.verify(story.database)
    assert (found.entries, found.first, found.broken, found.at) == (3, 1, None, None)
    assert found.last == audit_anchor.read(anchor_of(story))


COLUMNS = ("at", "actor", "action", "subject", "details", "previous", "hash")
MANY = 12


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> list[audit.Entry]:
    """Return a sound chain of entries, made once."""
    made: list[audit.Entry] = []
    previous = audit.BEGINNING
    for number in range(1, MANY + 1):
        texts = f"{number}.000000", "anna", "voted", f"vote_{number}", '{"n":1}', previous
        previous = audit.digest(number, *texts)
        made.append(audit.Entry(number, *texts, previous))
    return made


def laid(database: Database, entries: list[audit.Entry]) -> None:
    """Put entries into the table as they are, in place of what is there."""
    by_hand(database, "DELETE FROM audit")
    with database.write() as session:
        for each in entries:
            session.add(AuditRow(**vars(each)))


def changed(entries: list[audit.Entry], at: int, column: str) -> list[audit.Entry]:
    """Return the entries with one character of one text of one of them changed."""
    values = vars(entries[at])
    old = values[column]
    values = {**values, column: ("b" if old[:1] != "b" else "c") + old[1:]}
    return [*entries[:at], audit.Entry(**values), *entries[at + 1 :]]


def numbered(entries: list[audit.Entry]) -> list[audit.Entry]:
    """Return entries numbered anew from 1, all else as it was."""
    return [audit.Entry(**{**vars(each), "number": n}) for n, each in enumerate(entries, 1)]


@settings(max_examples=60)
@given(data=st.data())
def test_any_single_entry_that_is_changed_removed_put_in_or_swapped_is_found(
    once: Any, trail: list[audit.Entry], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, MANY - 1), label="at")
    how = data.draw(st.sampled_from(["change", "remove", "close", "insert", "swap"]), label="how")
    if how == "change":
        broken = changed(trail, at, data.draw(st.sampled_from(COLUMNS)))
    elif how == "remove":
        broken = [*trail[:at], *trail[at + 1 :]]
    elif how == "close":
        broken = numbered([*trail[:at], *trail[at + 1 :]])
    elif how == "insert":
        broken = numbered([*trail[:at], trail[data.draw(st.integers(0, MANY - 1))], *trail[at:]])
    else:
        other = data.draw(st.integers(0, MANY - 1).filter(lambda n: n != at))
        broken = list(trail)
        broken[at], broken[other] = broken[other], broken[at]
        broken = numbered(broken)
    laid(once, broken)
    found = audit_check.verify(once, Anchor(MANY, trail[-1].hash))
    assert found.broken is not None
    assert found.at is not None
    assert found.at <= at + 2


@pytest.fixture(scope="module")
def once(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return one database for many examples."""
    home = tmp_path_factory.mktemp("once")
    (home / "studio.db").write_bytes(migrated.read_bytes())
    opened = Database(f"sqlite:///{home / 'studio.db'}")
    event.listen(
        opened.engine, "connect", lambda made, _: made.execute("PRAGMA synchronous=OFF").close()
    )
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("statements", "broken", "at"),
    [
        (["UPDATE audit SET actor = 'ben' WHERE number = 2"], Break.CHANGED, 2),
        (["DELETE FROM audit WHERE number = 3"], Break.MISSING, 3),
        (["DELETE FROM audit WHERE number < 3"], Break.BEGINNING, 3),
        (["DELETE FROM audit WHERE number > 3"], Break.CUT_OFF, 4),
        (["DELETE FROM audit"], Break.CUT_OFF, 1),
    ],
)
def test_a_check_says_what_is_wrong_first(
    story: Any, statements: list[str], broken: Break, at: int
) -> None:
    noted(story.database, 5)
    by_hand(story.database, *statements)
    found = audit_check.verify(story.database)
    assert (found.broken, found.at) == (broken, at)


def test_a_forged_chain_is_found_by_the_entry_kept_beside_it(story: Any) -> None:
    noted(story.database, 5)
    by_hand(story.database, "UPDATE audit SET actor = 'ben' WHERE number = 2")
    rehash(story.database, 2)
    found = audit_check.verify(story.database)
    assert (found.broken, found.at) == (Break.REPLACED, 5)


def test_an_end_cut_off_still_shows_when_the_trail_has_grown_past_it(story: Any) -> None:
    noted(story.database, 5)
    by_hand(story.database, "DELETE FROM audit WHERE number > 3")
    noted(story.database, 4)
    found = audit_check.verify(story.database)
    assert (found.broken, found.at) == (Break.REPLACED, 5)


def test_without_the_file_beside_it_nobody_can_tell_where_the_end_was(story: Any) -> None:
    noted(story.database, 2)
    for content in (b"", b"nonsense", None):
        anchor_of(story).unlink() if content is None else anchor_of(story).write_bytes(content)
        assert audit_check.verify(story.database).broken is Break.UNKNOWN_END
    noted(story.database, 1)
    assert audit_check.verify(story.database).broken is None


def test_what_somebody_kept_elsewhere_finds_what_was_forged_everywhere_here(story: Any) -> None:
    noted(story.database, 4)
    known = audit_check.verify(story.database).last
    by_hand(story.database, "UPDATE audit SET actor = 'ben' WHERE number = 4")
    rehash(story.database, 4)
    with story.database.read() as session:
        newest = audit.batch(session, Wanted(), 3)[0]
    anchor_of(story).unlink()
    audit_anchor.keep(anchor_of(story), Anchor(4, newest.hash))
    assert audit_check.verify(story.database).broken is None
    assert audit_check.verify(story.database, known).broken is Break.REPLACED


def test_the_newest_entry_kept_never_goes_back(tmp_path: Path) -> None:
    path = tmp_path / audit_anchor.NAME
    audit_anchor.keep(path, Anchor(7, "a" * 64))
    audit_anchor.keep(path, Anchor(6, "b" * 64))
    assert audit_anchor.read(path) == Anchor(7, "a" * 64)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_disk_that_refuses_the_newest_entry_undoes_nothing(story: Any) -> None:
    anchor_of(story).mkdir()
    noted(story.database, 1)
    assert len(audit.entries(story.database, Wanted())) == 1
    assert audit_check.verify(story.database).broken is Break.UNKNOWN_END


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


def test_what_is_older_than_is_set_goes_and_the_trail_says_so(
    story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(story, monkeypatch, [-40, -35, -20, -1])
    assert audit_rules.shorten(story.database) == 0  # nothing is set
    audit_rules.write(story.database, "anna", Rules(days=30))
    assert audit_rules.shorten(story.database) == 2
    newest, rules, *rest = audit.entries(story.database, Wanted())
    assert [each.number for each in rest] == [4, 3]
    assert rules.told["after"] == {"days": 30, "prompts": "hashed"}
    assert (newest.actor, newest.told["through"], newest.told["entries"]) == ("studio", 2, 2)
    assert newest.told["hash"] == rest[-1].previous
    found = audit_check.verify(story.database)
    assert (found.broken, found.first, found.entries) == (None, 3, 4)
    assert audit_rules.shorten(story.database) == 0


def test_everything_may_be_old(story: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    audit_rules.write(story.database, "anna", Rules(days=30))
    aged(story, monkeypatch, [1, 2])
    assert audit_rules.shorten(story.database, now().timestamp() + 99 * DAY) == 3
    found = audit_check.verify(story.database)
    assert (found.entries, found.first, found.broken) == (1, 4, None)


def test_a_beginning_that_was_removed_beyond_what_the_trail_says_is_found(
    story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(story, monkeypatch, [-40, -35, -20, -1])
    audit_rules.write(story.database, "anna", Rules(days=30))
    audit_rules.shorten(story.database)
    with pytest.raises(DatabaseError, match="only ever added"), story.database.write() as session:
        session.execute(text("DELETE FROM audit WHERE number = 3"))
    by_hand(story.database, "DELETE FROM audit WHERE number = 3")
    found = audit_check.verify(story.database)
    assert (found.broken, found.at) == (Break.BEGINNING, 4)


def aged(story: Any, monkeypatch: pytest.MonkeyPatch, days: list[int]) -> None:
    """Note a download so many days from now, one each."""
    moment = now().timestamp()
    for day in days:
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda day=day: moment + day * DAY)
            noted(story.database, 1)


def test_settings_that_stay_as_they_are_are_no_news(story: Any) -> None:
    audit_rules.write(story.database, "anna", Rules())
    assert audit.entries(story.database, Wanted()) == []
    audit_rules.write(story.database, "anna", Rules(prompts="stored"))
    assert audit_rules.read(story.database) == Rules(prompts="stored")


ASKED = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Is it ü?"}]


def test_a_question_is_stored_hashed_or_left_out() -> None:
    assert audit_rules.question(Rules(prompts="left_out"), ASKED) == {}
    assert audit_rules.question(Rules(prompts="stored"), ASKED) == {"messages": ASKED}
    found = audit_rules.question(Rules(), [{"role": "user", "content": "Hello"}])
    assert found["prompt_sha256"] == hashlib.sha256(b"Hello").hexdigest()
    whole = b'[{"role":"user","content":"Hello"}]'
    assert found["conversation_sha256"] == hashlib.sha256(whole).hexdigest()
    assert "Hello" not in str(found)
    assert len(audit_rules.question(Rules(), ASKED)) == 2
