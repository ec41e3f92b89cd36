"""Questions are kept under a name, changed, deleted and brought back."""

import pytest

from storage import prompt_sets
from storage.errors import NotFound
from tests.storage.conftest import ANNA, Story

TWO = [{"text": "What is a fever?"}, {"text": "Is rest enough?"}]


def test_a_set_is_kept_and_found_by_its_owner_alone(story: Story) -> None:
    made = prompt_sets.add(story.database, ANNA, "Fever", TWO)
    assert (made.name, made.count, made.prompts) == ("Fever", 2, TWO)
    assert prompt_sets.get(story.database, ANNA, made.id) == made
    with pytest.raises(NotFound):
        prompt_sets.get(story.database, "bert", made.id)
    with pytest.raises(NotFound):
        prompt_sets.change(story.database, "bert", made.id, name="Mine")


def test_the_list_counts_what_is_in_the_sets(story: Story) -> None:
    first = prompt_sets.add(story.database, ANNA, "Fever", TWO)
    second = prompt_sets.add(story.database, ANNA, "Cough", TWO[:1])
    prompt_sets.add(story.database, "bert", "Other", TWO)
    found = prompt_sets.all_of(story.database, ANNA)
    assert [(one.id, one.count) for one in found] == [(second.id, 1), (first.id, 2)]


def test_name_and_questions_change_each_by_itself(story: Story) -> None:
    made = prompt_sets.add(story.database, ANNA, "Fever", TWO)
    prompt_sets.change(story.database, ANNA, made.id, name="Heat")
    changed = prompt_sets.change(story.database, ANNA, made.id, prompts=TWO[1:])
    assert (changed.name, changed.prompts, changed.count) == ("Heat", TWO[1:], 1)
    assert prompt_sets.get(story.database, ANNA, made.id) == changed


def test_what_was_deleted_is_brought_back(story: Story) -> None:
    made = prompt_sets.add(story.database, ANNA, "Fever", TWO)
    prompt_sets.delete(story.database, ANNA, made.id)
    assert prompt_sets.all_of(story.database, ANNA) == []
    gone = prompt_sets.all_of(story.database, ANNA, deleted=True)
    assert [one.id for one in gone] == [made.id]
    prompt_sets.restore(story.database, ANNA, made.id)
    assert prompt_sets.get(story.database, ANNA, made.id) == made
