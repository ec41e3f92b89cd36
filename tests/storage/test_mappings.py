"""A mapping is complete or says what is missing; files of one shape share a signature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from storage.mappings import Mapping, Target, signature


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "question, answer"),
        ({"question": ("q",)}, "answer"),
        ({"target": "text"}, "text"),
        ({"target": "preference", "question": ("q",), "chosen": "c"}, "rejected"),
        ({"target": "labelled", "messages": "m", "answer": "a"}, "label"),
    ],
)
def test_what_is_not_chosen_yet_is_named(given: dict, missing: str) -> None:
    with pytest.raises(ValidationError, match=f"not chosen yet: {missing}"):
        Mapping(**given)


def test_a_list_of_messages_holds_question_and_answer() -> None:
    assert Mapping(messages="conversation").target is Target.CHAT


def test_a_role_that_training_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError):
        Mapping(messages="m", roles={"doctor": "physician"})


@given(st.lists(st.text(max_size=5), max_size=5))
def test_the_order_of_the_fields_does_not_matter(names: list[str]) -> None:
    assert signature(names) == signature(reversed(names)) == signature([*names, *names])


def test_other_fields_are_another_shape_and_another_mapping_another_folder() -> None:
    assert signature(["ab"]) != signature(["a", "b"])
    one, other = Mapping(text="a", target="text"), Mapping(text="b", target="text")
    assert one.key != other.key
    assert one.key == Mapping(**one.model_dump(mode="json")).key
