"""The chain shows what was done to the audit trail past the studio, and where."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from storage import audit, audit_anchor, audit_check
from storage.audit import Wanted
from storage.audit_anchor import Anchor
from storage.audit_check import Break
from storage.database import Database
from storage.trust_tables import AuditRow
from tests.fakes import quick_home
from tests.fakes.audit_trail import anchor_of, by_hand, noted, rehash


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
def once(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return one database for many examples."""
    home = tmp_path_factory.mktemp("once")
    quick_home.with_schema(home)
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
