"""Judged answers become conversations with the better answers."""

import pytest

from storage.errors import StudioError
from storage.operations import Chosen

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tea?"}]


def said(text: str) -> list[dict]:
    return [{"role": "assistant", "content": text}]


def test_of_a_pair_the_better_answer_is_kept(workshop) -> None:
    pair = {"prompt": ASKED, "chosen": said("Yes."), "rejected": said("No."), "split": "test"}
    made = workshop.rows(Chosen(dataset_id="d"), workshop.dataset([pair]))
    assert made == [{"messages": ASKED + said("Yes."), "split": "test"}]


def test_of_single_answers_the_good_are_kept(workshop) -> None:
    rows = [
        {"prompt": ASKED, "completion": said(text), "label": good}
        for text, good in (("Yes.", True), ("No.", False), ("Please.", True))
    ]
    made = workshop.rows(Chosen(dataset_id="d"), workshop.dataset(rows))
    assert made == [{"messages": ASKED + said(text)} for text in ("Yes.", "Please.")]


def test_no_good_answer_leaves_nothing(workshop) -> None:
    rows = [{"prompt": ASKED, "completion": said("No."), "label": False}]
    with pytest.raises(StudioError, match="No row would be left"):
        workshop.rows(Chosen(dataset_id="d"), workshop.dataset(rows))


def test_rows_without_a_judgement_are_refused(workshop, chat) -> None:
    with pytest.raises(StudioError, match="conversations, so no answer is better"):
        workshop.rows(Chosen(dataset_id="d"), workshop.dataset([chat("q", "a")]))
