"""Next to label: where answers differ most, else where a model is least sure, else in order."""

from math import log

import pytest

from studio.advice.next_prompt import Candidate, Choice, choose, in_common


def test_the_share_of_common_words_is_known_by_hand() -> None:
    assert in_common("drink and rest", "Rest and sleep") == pytest.approx(2 / 3)
    assert in_common("no no", "no") < 1
    assert in_common("same words", " Same  WORDS ") == 1
    assert in_common("yes", "no") == 0
    assert in_common("多喝水", "多休息") == pytest.approx(1 / 3)
    assert in_common("", "") == 1


def test_the_question_where_answers_differ_most_comes_first() -> None:
    found = choose([Candidate(0, 0.8), Candidate(1, 0.25), Candidate(2), Candidate(3, sure=-3.0)])
    assert found == Choice(1, "differ", 25)


def test_where_they_differ_alike_the_less_sure_comes_first() -> None:
    assert choose([Candidate(0, 0.5, -0.1), Candidate(1, 0.5, -0.9)]).number == 1


def test_without_both_answers_the_model_that_is_least_sure_decides() -> None:
    found = choose([Candidate(0), Candidate(1, sure=log(0.5)), Candidate(2, sure=log(0.9))])
    assert found == Choice(1, "unsure", 50)


def test_where_nothing_is_known_they_come_in_order_and_the_same_answers_last() -> None:
    assert choose([Candidate(3, 1.0), Candidate(4), Candidate(5)]) == Choice(4, "order")
    assert choose([Candidate(3, 1.0)]) == Choice(3, "same", 100)
    assert choose([]) == Choice(None, "done")
