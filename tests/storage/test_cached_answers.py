"""Answers are kept under a key until newer ones, or more recently used ones, need the place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import cached_answers, database
from storage.cached_answers import LONGEST, CachedAnswer
from storage.database import Database
from storage.settings import Settings


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Database]:
    opened = database.opened(Settings(home=tmp_path))
    yield opened
    opened.close()


def said(text: str) -> CachedAnswer:
    return CachedAnswer(text=text, ended="stop", facts={"completion_tokens": 3, "sure": -0.5})


def test_what_was_kept_is_found_as_it_was(opened: Database) -> None:
    assert cached_answers.find(opened, "a") is None
    cached_answers.keep(opened, "a", said("Rest 🙂"))
    assert cached_answers.find(opened, "a") == said("Rest 🙂")
    cached_answers.keep(opened, "a", said("Drink"))
    assert cached_answers.find(opened, "a") == said("Drink"), "the newer one counts"


def test_the_least_recently_used_makes_room(opened: Database) -> None:
    for key in "abc":
        cached_answers.keep(opened, key, said(key), most=3)
    cached_answers.find(opened, "a")
    cached_answers.keep(opened, "d", said("d"), most=3)
    there = [key for key in "abcd" if cached_answers.find(opened, key)]
    assert there == ["a", "c", "d"]


def test_a_book_is_not_kept(opened: Database) -> None:
    cached_answers.keep(opened, "a", said("x" * (LONGEST + 1)))
    assert cached_answers.find(opened, "a") is None


def test_all_can_be_forgotten(opened: Database) -> None:
    cached_answers.keep(opened, "a", said("x"))
    cached_answers.forget(opened)
    assert cached_answers.find(opened, "a") is None
