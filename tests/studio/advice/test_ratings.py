"""Ratings: known answers, what more wins and other names change, and intervals that hold."""

from math import exp, log
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.advice.ratings import MIDDLE, POINTS, Duel, Standing, rate

NAMES = "ABCDE"

duels = st.lists(
    st.builds(
        lambda pair, outcome: Duel(*pair, outcome),
        st.permutations(NAMES).map(lambda names: names[:2]),
        st.sampled_from(["a", "b", "tie", "bad"]),
    ),
    min_size=1,
    max_size=25,
)


def votes(a: str, b: str, wins: int, losses: int = 0, ties: int = 0, bad: int = 0) -> list[Duel]:
    """Return so many votes on two contestants."""
    counts = {"a": wins, "b": losses, "tie": ties, "bad": bad}
    return [Duel(a, b, outcome) for outcome, count in counts.items() for _ in range(count)]


def by_name(found: list[list[Standing]]) -> dict[str, Standing]:
    """Return the standings of all groups."""
    return {one.name: one for group in found for one in group}


def test_two_contestants_are_apart_by_the_logarithm_of_wins_to_losses() -> None:
    for wins, losses in ((14, 4), (1, 1), (60, 7)):
        found = by_name(rate(votes("A", "B", wins, losses)))
        lead = found["A"].rating - found["B"].rating
        assert lead == pytest.approx(400 * log(wins / losses) / log(10), rel=4e-4, abs=1e-6)
        assert found["A"].rating + found["B"].rating == pytest.approx(2 * MIDDLE)


def test_ten_wins_to_one_are_four_hundred_points() -> None:
    found = by_name(rate(votes("A", "B", 100, 10)))
    assert found["A"].rating - found["B"].rating == pytest.approx(400, rel=1e-3)


def test_a_tie_is_half_a_win_for_each_and_both_bad_is_none_for_either() -> None:
    tied = by_name(rate(votes("A", "B", 2, 0, ties=4)))
    halves = by_name(rate(votes("A", "B", 4, 2)))
    assert tied["A"].rating == pytest.approx(halves["A"].rating)
    bad = by_name(rate(votes("A", "B", 4, 2, bad=9)))
    assert bad["A"].rating == pytest.approx(halves["A"].rating)
    assert (bad["A"].wins, bad["A"].losses, bad["A"].ties, bad["A"].bad) == (4, 2, 0, 9)
    assert (tied["B"].wins, tied["B"].losses, tied["B"].ties) == (0, 2, 4)


def test_the_interval_ends_where_the_likelihood_has_dropped_by_half_of_384() -> None:
    """Chi-squared with one degree of freedom has its 95 % at 3.841."""
    found = by_name(rate(votes("A", "B", 14, 4)))["A"]

    def likelihood(lead: float) -> float:
        return -14 * log(1 + exp(-lead)) - 4 * log(1 + exp(lead))

    assert found.low is not None
    assert found.high is not None
    for end in (found.low, found.high):
        drop = likelihood(log(14 / 4)) - likelihood(2 * (end - MIDDLE) / POINTS)
        assert 2 * drop == pytest.approx(3.841, rel=0.01)


def test_who_has_won_all_has_an_interval_that_is_open_upwards() -> None:
    found = by_name(rate(votes("A", "B", 5)))
    assert found["A"].high is None
    assert found["B"].low is None
    # Five wins in a row have a chance of exp(-3.841 / 2) where each has 0.681.
    least = POINTS * log(0.681 / 0.319) / 2
    assert found["A"].low == pytest.approx(MIDDLE + least, abs=1)
    assert found["B"].high == pytest.approx(MIDDLE - least, abs=1)


def test_who_has_lost_all_leaves_the_others_their_intervals() -> None:
    found = by_name(rate(votes("A", "B", 10) + votes("A", "C", 5, 5)))
    assert found["B"].low is None
    assert found["B"].high < found["C"].low  # type: ignore[operator]
    assert None not in (found["A"].low, found["A"].high, found["C"].low, found["C"].high)
    assert found["A"].rating == pytest.approx(MIDDLE, abs=2)


def test_the_yardstick_has_a_thousand_points_and_no_interval() -> None:
    found = by_name(rate(votes("A", "B", 9, 3) + votes("B", "C", 6, 6), ["B"]))
    assert found["B"] == Standing("B", MIDDLE, None, None, 9, 15, 0, 0, is_yardstick=True)
    assert found["A"].rating == pytest.approx(MIDDLE + POINTS * log(3), abs=2)
    assert found["A"].low > MIDDLE - 60  # type: ignore[operator]


def test_those_who_never_met_are_rated_apart() -> None:
    apart = rate(votes("A", "B", 3, 1) + votes("C", "D", 5, 5) + votes("E", "A", 0, 0, bad=2))
    assert [[one.name for one in group] for group in apart] == [["C", "D"], ["A", "B"], ["E"]]
    assert [round(one.rating) for one in apart[0]] == [1000, 1000]
    assert len(rate(votes("A", "B", 3, 1) + votes("B", "C", 1) + votes("C", "D", 5, 5))) == 1


def test_without_votes_there_is_no_rating() -> None:
    assert rate([]) == []


@given(duels, st.permutations(NAMES).map(lambda names: names[:2]))
@settings(max_examples=25, deadline=None)
def test_a_win_more_never_lowers_the_lead_over_anyone(known: list[Duel], who: list[str]) -> None:
    winner, loser = who
    groups = rate([*known, Duel(winner, loser, "tie")])
    before = by_name(groups)
    after = by_name(rate([*known, Duel(winner, loser, "tie"), Duel(winner, loser, "a")]))
    group = next(group for group in groups if winner in {one.name for one in group})
    for other in {one.name for one in group} - {winner}:
        lead = before[winner].rating - before[other].rating
        assert after[winner].rating - after[other].rating > lead - 1e-6


@given(duels, st.permutations(NAMES))
@settings(max_examples=15, deadline=None)
def test_other_names_change_nothing(known: list[Duel], names: list[str]) -> None:
    other = dict(zip(NAMES, names, strict=True))
    before = by_name(rate(known))
    swapped = {"a": "b", "b": "a"}
    after = by_name(
        rate(
            Duel(other[duel.b], other[duel.a], swapped.get(duel.outcome, duel.outcome))
            for duel in known
        )
    )
    for name, one in before.items():
        again = after[other[name]]
        assert again.rating == pytest.approx(one.rating, abs=1e-4)
        assert again.low == pytest.approx(one.low, abs=1e-2)
        assert again.high == pytest.approx(one.high, abs=1e-2)
        assert (again.wins, again.losses, again.ties) == (one.wins, one.losses, one.ties)


@given(duels)
@settings(max_examples=15, deadline=None)
def test_a_rating_lies_in_its_interval(known: list[Duel]) -> None:
    for one in by_name(rate(known)).values():
        assert one.low is None or one.low <= one.rating
        assert one.high is None or one.rating <= one.high


def test_intervals_hold_the_true_strength_as_often_as_they_say() -> None:
    strengths = {"A": 0.8, "B": 0.2, "C": -0.3, "D": -0.7}  # their mean is 0
    chance, held = Random(6), 0
    for _ in range(50):
        drawn = []
        for _ in range(120):
            a, b = chance.sample(sorted(strengths), 2)
            wins = chance.random() < 1 / (1 + exp(strengths[b] - strengths[a]))
            drawn.append(Duel(a, b, "a" if wins else "b"))
        for name, one in by_name(rate(drawn)).items():
            true = MIDDLE + POINTS * strengths[name]
            held += one.low is not None and one.high is not None and one.low <= true <= one.high
    assert 0.90 <= held / 200 <= 0.99
