"""Who of two is better: known answers, words that hold, and how often equals are told apart."""

from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.advice.verdicts import FEWEST, MOST_MORE, between


def test_fourteen_of_eighteen_is_quite_sure() -> None:
    found = between(14, 4)
    assert (found.level, found.better, found.more) == ("quite_sure", 1, None)
    # After w wins and l losses p > 1/2 has the chance that of w+l+1 coins at most w show heads.
    by_hand = sum(comb(19, heads) for heads in range(15)) / 2**19
    assert found.chance == pytest.approx(by_hand)


def test_eight_of_eight_are_sure_however_often_one_looks() -> None:
    """Their odds against equals are 2 to the 8th over 9, above 20; those of seven are 16."""
    assert [between(wins, 0).level for wins in (4, 5, 7, 8)] == [
        "early", "quite_sure", "quite_sure", "sure",
    ]  # fmt: skip


def test_the_better_one_may_be_the_second() -> None:
    assert (between(4, 14).better, between(4, 14).level) == (-1, "quite_sure")
    assert between(4, 14).chance == between(14, 4).chance


def test_many_votes_on_both_sides_say_that_they_are_about_equally_good() -> None:
    assert between(52, 49).level == "alike"
    assert between(50, 50, ties=20).level == "alike"
    assert between(10, 10).level == "early"


def test_too_early_says_how_many_votes_are_missing() -> None:
    assert between(0, 0).more is None
    assert between(4, 0).chance == 31 / 32
    assert between(4, 0).more == 1  # only as five are the fewest
    missing = [between(6, losses).more for losses in (2, 3, 4)]
    assert None not in missing
    assert missing == sorted(missing)  # type: ignore[type-var]
    assert between(30, 29).more is None
    assert all(between(1, n).more in (*range(1, MOST_MORE + 1), None) for n in range(5))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 20))
def test_both_ways_round_it_is_the_same(wins: int, losses: int, ties: int) -> None:
    one, other = between(wins, losses, ties), between(losses, wins, ties)
    assert (one.level, one.chance, one.more) == (other.level, other.chance, other.more)
    assert one.better == -other.better
    if wins + losses + ties < FEWEST:
        assert one.level == "early"


def test_among_equals_sure_is_said_once_in_twenty_at_most_looking_after_every_vote() -> None:
    chance, mistaken = Random(8), 0
    for _ in range(300):
        wins = 0
        for votes in range(1, 121):
            wins += chance.random() < 0.5
            if 2**votes / ((votes + 1) * comb(votes, wins)) >= 20:  # the odds, by hand
                assert between(wins, votes - wins).level == "sure"
                mistaken += 1
                break
    assert mistaken / 300 <= 0.06
