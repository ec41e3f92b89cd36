"""What is set for the audit trail: how much of a question is kept, and for how long."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from storage import audit, audit_check, audit_rules
from storage.audit import Wanted
from storage.audit_check import Break
from storage.audit_rules import Rules
from storage.tables import now
from tests.fakes.audit_trail import DAY, by_hand, noted


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
