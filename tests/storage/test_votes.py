"""Votes: what they carry, what can be compared, and that a person has one a pair and a round."""

from datetime import timedelta
from typing import Any

import pytest

from storage import ballots, conversations, prompt_sets, votes
from storage.ballots import Ballot, Pair
from storage.conversation_tables import ConversationRow
from storage.errors import NotFound, StudioError
from storage.tables import now
from storage.votes import Outcome, Vote, Wanted
from tests.fakes.spoken import HASHES, Spoken

PLAIN, TUNED, OTHER = "base:plain", "adapter:tuned", "adapter:other"
ANSWERS = {PLAIN: "No idea.", TUNED: "Drink and rest."}


def vote(
    spoken: Spoken,
    number: int = 1,
    outcome: str = "a",
    sides: tuple[int, int] = (0, 1),
    **more: Any,
) -> Vote:
    """Cast a vote of the conversation's owner."""
    ballot = Ballot(spoken.id, number, (Pair(*sides, Outcome(outcome)),), **more)
    return ballots.cast(spoken.database, spoken.owner, spoken.owner, ballot)[0]


@pytest.fixture
def spoken(story: Any) -> Spoken:
    """A blind conversation with one question, answered by both."""
    prompts = [{"text": " What helps with a fever? "}]
    kept = prompt_sets.add(story.database, "anna", "Fever", prompts)
    found = Spoken(story.database, [PLAIN, TUNED], owner="anna", prompt_set_id=kept.id)
    found.ask("What helps with a fever?", ANSWERS)
    return found


def test_a_vote_carries_all_that_was_said_and_how(spoken: Spoken) -> None:
    order = conversations.whole(spoken.database, "anna", spoken.id).rounds[0].order
    made = vote(spoken, reason="clearer", marks={order.index(PLAIN): "fail"})
    assert (made.contestant_a, made.contestant_b) == tuple(order)
    assert (made.sha256_a, made.sha256_b) == (HASHES[order[0]], HASHES[order[1]])
    assert made.told["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What helps with a fever?"},
    ]
    assert made.told["sampling"] == {"temperature": 0.5, "seed": 7}
    for side, contestant in zip("ab", order, strict=True):
        assert made.told[side]["text"] == ANSWERS[contestant]
        assert made.told[side]["title"] == contestant.title()
        assert made.told[side]["mark"] == ("fail" if contestant == PLAIN else None)
    assert (made.outcome, made.reason) == ("a", "clearer")
    assert made.blind
    (kept,) = prompt_sets.all_of(spoken.database, "anna")
    assert made.prompt_set_id == kept.id
    found = conversations.whole(spoken.database, "anna", spoken.id)
    assert found.answer(1, order.index(PLAIN)).mark == "fail"  # type: ignore[union-attr]


def test_a_question_of_ones_own_is_no_vote_on_the_set(spoken: Spoken) -> None:
    spoken.ask("And what with a cough?", ANSWERS)
    assert vote(spoken, number=1).prompt_set_id is not None
    assert vote(spoken, number=2).prompt_set_id is None


def test_a_vote_after_the_names_were_told_is_not_blind(spoken: Spoken) -> None:
    first = vote(spoken, outcome="a")
    again = vote(spoken, outcome="tie", sides=(1, 0))
    assert (first.blind, again.blind) == (True, False)
    assert [one.id for one in votes.all_of(spoken.database, "anna")] == [again.id]
    assert votes.get(spoken.database, "anna", first.id).deleted_at is not None
    votes.take_back(spoken.database, "anna", again.id)
    assert not vote(spoken).blind


def test_another_person_and_another_pair_have_their_own_vote(story: Any) -> None:
    spoken = Spoken(story.database, [PLAIN, TUNED, OTHER], owner="anna")
    spoken.ask("Why?", {**ANSWERS, OTHER: "Because."})
    pairs = (Pair(0, 1, Outcome.A), Pair(0, 2, Outcome.TIE))
    both = ballots.cast(spoken.database, "anna", "anna", Ballot(spoken.id, 1, pairs))
    ballots.cast(spoken.database, "anna", "bert", Ballot(spoken.id, 1, pairs[:1]))
    assert [one.blind for one in both] == [True, True]
    assert len(votes.all_of(spoken.database, "anna")) == 3
    vote(spoken, sides=(1, 0), outcome="bad")
    found = votes.all_of(spoken.database, "anna")
    assert sorted((one.person, one.outcome) for one in found) == [
        ("anna", "bad"), ("anna", "tie"), ("bert", "a"),
    ]  # fmt: skip


def test_a_question_that_was_put_anew_is_judged_anew(spoken: Spoken) -> None:
    vote(spoken)
    spoken.ask("What helps with a cough?", ANSWERS, from_round=1)
    assert vote(spoken).blind
    assert len(votes.all_of(spoken.database, "anna")) == 2


def test_only_two_finished_answers_are_compared(story: Any) -> None:
    spoken = Spoken(story.database, [PLAIN, TUNED], owner="anna")
    put = spoken.ask("Why?", {PLAIN: "Because."})
    tuned, plain = put.order.index(TUNED), put.order.index(PLAIN)
    with pytest.raises(NotFound, match="has no answer yet"):
        vote(spoken)
    spoken.answer(put, TUNED, "It was", ended="error")
    with pytest.raises(StudioError, match="broken off"):
        vote(spoken)
    spoken.answer(put, TUNED, "  \n")
    with pytest.raises(StudioError, match="empty"):
        vote(spoken)
    spoken.answer(put, TUNED, "So it is", ended="cancelled")
    with pytest.raises(StudioError, match="two contestants"):
        vote(spoken, sides=(plain, plain))
    made = vote(spoken, sides=(tuned, plain))
    assert made.told["a"]["text"] == "So it is"
    with pytest.raises(NotFound, match="no question 2"):
        vote(spoken, number=2)


def test_answers_after_different_conversations_are_not_compared(story: Any) -> None:
    seen = Spoken(story.database, [PLAIN, TUNED], blind=False)
    seen.ask("Why?", ANSWERS)
    seen.ask("And then?", {PLAIN: "Nothing.", TUNED: "Sleep."})
    assert not vote(seen, number=1).blind
    with pytest.raises(StudioError, match="different conversations"):
        vote(seen, number=2)
    alike = Spoken(story.database, [PLAIN, TUNED], blind=False)
    alike.ask("Why?", {PLAIN: "So.", TUNED: "So."})
    alike.ask("And then?", ANSWERS)
    assert [turn["content"] for turn in vote(alike, number=2).told["messages"]] == [
        "Be brief.", "Why?", "So.", "And then?",
    ]  # fmt: skip


def test_a_vote_is_taken_back_and_brought_back_unless_there_is_a_newer_one(spoken: Spoken) -> None:
    made = vote(spoken)
    votes.take_back(spoken.database, "anna", made.id)
    assert votes.all_of(spoken.database, "anna") == []
    assert votes.give_again(spoken.database, "anna", made.id).deleted_at is None
    newer = vote(spoken, outcome="b", sides=(1, 0))
    with pytest.raises(StudioError, match="newer vote"):
        votes.give_again(spoken.database, "anna", made.id)
    votes.take_back(spoken.database, "anna", newer.id)
    votes.give_again(spoken.database, "anna", made.id)
    assert [one.id for one in votes.all_of(spoken.database, "anna")] == [made.id]


def test_votes_are_found_by_contestant_person_set_period_and_blindness(spoken: Spoken) -> None:
    database = spoken.database
    first = vote(spoken)
    other = Spoken(database, [PLAIN, OTHER], owner="anna", blind=False)
    other.ask("Why?", {PLAIN: "So.", OTHER: "Because."})
    second = vote(other)

    def found(**conditions: Any) -> set[str]:
        return {one.id for one in votes.all_of(database, "anna", Wanted(**conditions))}

    assert found() == {first.id, second.id}
    assert found(contestant=TUNED) == {first.id}
    assert found(contestant=PLAIN) == {first.id, second.id}
    assert found(person="anna") == {first.id, second.id}
    assert found(person="bert") == set()
    assert found(prompt_set_id=str(first.prompt_set_id)) == {first.id}
    assert found(is_blind=True) == {first.id}
    assert found(is_blind=False) == {second.id}
    assert votes.all_of(database, "anna", most=1) == [second]
    assert votes.count(database, "anna") == 2
    assert found(since=second.at) == {second.id}
    assert found(until=second.at) == {first.id}
    assert found(since=now() + timedelta(days=1)) == set()
    assert [one.outcome for one in votes.cast_ones(database, "anna")] == ["a", "a"]


def test_a_vote_outlives_its_conversation_and_is_nobody_elses(spoken: Spoken) -> None:
    made = vote(spoken)
    with spoken.database.write() as session:
        session.delete(session.get_one(ConversationRow, spoken.id))
    assert votes.all_of(spoken.database, "anna")[0].told == made.told
    assert votes.title_of(spoken.database, "anna", TUNED) == TUNED.title()
    assert votes.title_of(spoken.database, "anna", "adapter:gone") == "adapter:gone"
    assert votes.all_of(spoken.database, "bert") == []
    for act in (votes.get, votes.take_back, votes.give_again):
        with pytest.raises(NotFound, match="no vote"):
            act(spoken.database, "bert", made.id)
    with pytest.raises(NotFound, match="no conversation"):
        ballots.cast(spoken.database, "bert", "bert", Ballot(spoken.id, 1, ()))
