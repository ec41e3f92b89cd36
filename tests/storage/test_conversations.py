"""Conversations: each side knows its own answers, a turn is edited, a blind round stays blind."""

from datetime import timedelta
from typing import Any

import pytest

from storage import conversation_lists, conversations, ids, sampling, system_prompts
from storage.conversation_tables import VoteRow
from storage.conversations import Asking, Said, Wanted
from storage.errors import NotFound, Refused
from storage.exchanges import Round, Whole
from storage.tables import now

ME = "anna"
TWO = ["base:one", "adapter:two"]


@pytest.fixture
def talk(story: Any) -> "Talk":
    """Give a conversation with two contestants."""
    return Talk(story.database)


class Talk:
    """A conversation, and the short ways to ask and answer."""

    def __init__(self, database: Any, *, blind: bool = False) -> None:
        self.database = database
        wanted = Wanted(TWO, name="Cough", system="Be brief.", blind=blind)
        self.id = conversations.add(database, ME, wanted).id

    def ask(self, prompt: str, from_round: int | None = None) -> Round:
        """Put a prompt."""
        asking = Asking(prompt, "Be brief.", {"seed": 1}, from_round)
        return conversations.ask(self.database, ME, self.id, asking)

    def answer(self, put: Round, side: int, text: str) -> Any:
        """Let a side answer."""
        who = put.order[side]
        said = Said(
            self.id, put.number, side, put.at, who, f"Title of {who}", "a" * 64, text, "stop", {}
        )
        return conversations.keep(self.database, said)

    def vote(self, number: int) -> None:
        """Judge a round."""
        row = VoteRow(
            id=ids.new("vote"), owner=ME, conversation_id=self.id, number=number, told={},
            contestant_a=TWO[0], contestant_b=TWO[1], outcome="a", blind=True,
            prompt_sha256="b" * 64,
        )  # fmt: skip
        with self.database.write() as session:
            session.add(row)

    def whole(self) -> Whole:
        """Return all of it."""
        return conversations.whole(self.database, ME, self.id)


def test_each_side_goes_on_from_its_own_answers(talk: Talk) -> None:
    first = talk.ask("What helps?")
    talk.answer(first, 0, "Honey.")
    talk.answer(first, 1, "Rest.")
    second = talk.ask("And at night?")
    assert (first.number, second.number) == (1, 2)
    asked = talk.whole().messages(2, 1)
    assert [turn["role"] for turn in asked] == ["system", "user", "assistant", "user"]
    assert [turn["content"] for turn in asked] == [
        "Be brief.", "What helps?", "Rest.", "And at night?",
    ]  # fmt: skip


def test_a_question_that_a_side_left_unanswered_is_no_part_of_what_it_knows(talk: Talk) -> None:
    first = talk.ask("What helps?")
    talk.answer(first, 0, "Honey.")
    talk.answer(first, 1, "")
    talk.ask("And at night?")
    assert [turn["content"] for turn in talk.whole().messages(2, 1)] == [
        "Be brief.", "And at night?",
    ]  # fmt: skip


def test_a_contestant_that_comes_later_and_one_that_leaves(talk: Talk) -> None:
    talk.answer(talk.ask("What helps?"), 0, "Honey.")
    changed = {"contestants": ["checkpoint:three:4", TWO[0]]}
    conversations.change(talk.database, ME, talk.id, changed)
    put = talk.ask("Why?")
    assert put.order == ["checkpoint:three:4", TWO[0]]
    whole = talk.whole()
    assert len(whole.messages(2, 0)) == 2
    assert "Honey." in [turn["content"] for turn in whole.messages(2, 1)]


def test_of_several_tries_the_newest_counts(talk: Talk) -> None:
    put = talk.ask("What helps?")
    talk.answer(put, 0, "Hon")
    talk.answer(put, 0, "Honey.")
    found = talk.whole().answer(1, 0)
    assert found
    assert found.text == "Honey."


def test_an_edited_turn_takes_the_place_of_all_that_came_after(talk: Talk) -> None:
    for prompt in ("One", "Two", "Three"):
        talk.answer(talk.ask(prompt), 0, f"Answer to {prompt}")
    put = talk.ask("Two, better", from_round=2)
    assert put.number == 2
    whole = talk.whole()
    assert [one.prompt for one in whole.rounds] == ["One", "Two, better"]
    assert [answer.text for answer in whole.answers] == ["Answer to One"]
    with pytest.raises(NotFound, match="no question 7"):
        talk.ask("Seven", from_round=7)
    assert len(talk.whole().rounds) == 2


def test_an_answer_to_a_round_that_was_taken_back_is_not_kept(talk: Talk) -> None:
    old = talk.ask("One")
    talk.ask("One, better", from_round=1)
    assert talk.answer(old, 0, "To the old one") is None
    assert talk.whole().answers == []


def test_in_a_blind_conversation_chance_draws_the_sides_and_each_prompt_stands_alone(
    story: Any,
) -> None:
    talk = Talk(story.database, blind=True)
    orders = set()
    for number in range(30):
        put = talk.ask(f"Question {number}")
        talk.answer(put, 0, "Yes.")
        talk.answer(put, 1, "No.")
        orders.add(tuple(put.order))
    assert orders == {tuple(TWO), tuple(reversed(TWO))}
    whole = talk.whole()
    assert whole.messages(30, 0) == whole.messages(30, 1)
    assert len(whole.messages(30, 0)) == 2


def test_a_blind_round_is_hidden_until_its_vote_and_an_edited_one_again(story: Any) -> None:
    talk = Talk(story.database, blind=True)
    assert talk.whole().is_hidden
    talk.ask("One")
    assert talk.whole().is_hidden
    talk.vote(1)
    assert not talk.whole().is_hidden
    talk.ask("One, better", from_round=1)
    assert talk.whole().is_hidden, "the vote was for what stood there before"
    lines = conversation_lists.page(story.database, ME).lines
    assert [line.is_hidden for line in lines] == [True]


def test_an_answer_is_marked_and_corrected(talk: Talk) -> None:
    talk.answer(talk.ask("What helps?"), 1, "Hony.")
    values = {"mark": "fail", "corrected": "Honey.", "note": "Spelling"}
    judged = conversations.judge(talk.database, ME, talk.id, (1, 1), values)
    assert (judged.text, judged.corrected, judged.mark) == ("Hony.", "Honey.", "fail")
    with pytest.raises(NotFound, match="no answer yet"):
        conversations.judge(talk.database, ME, talk.id, (1, 0), values)


def test_conversations_are_found_by_what_was_said_the_last_used_first(story: Any) -> None:
    talks = [Talk(story.database) for _ in range(3)]
    for number, talk in enumerate(talks):
        talk.answer(talk.ask(f"Question {number} 100%"), 0, f"Reply {number}")
    talks[0].ask("Once more")

    def found(words: str) -> list[str]:
        return [line.id for line in conversation_lists.page(story.database, ME, words).lines]

    assert found("") == [talks[0].id, talks[2].id, talks[1].id]
    assert found("cough") == found("")
    assert found("question 1 100%") == [talks[1].id]
    assert found("reply 2") == [talks[2].id]
    assert found("%reply") == []
    page = conversation_lists.page(story.database, ME, most=1)
    assert (page.total, page.lines[0].rounds, page.lines[0].prompt) == (3, 2, "Question 0 100%")


def test_titles_are_those_of_the_newest_answer(talk: Talk) -> None:
    talk.answer(talk.ask("What helps?"), 0, "Honey.")
    assert conversations.titles(talk.database, [talk.id]) == {TWO[0]: f"Title of {TWO[0]}"}


def test_nobody_sees_or_asks_in_the_conversation_of_somebody_else(talk: Talk) -> None:
    asking = Asking("Hello", "", {})
    for call in (
        lambda: conversations.whole(talk.database, "ben", talk.id),
        lambda: conversations.get(talk.database, "ben", talk.id),
        lambda: conversations.change(talk.database, "ben", talk.id, {"name": "Mine"}),
        lambda: conversations.ask(talk.database, "ben", talk.id, asking),
        lambda: conversations.judge(talk.database, "ben", talk.id, (1, 0), {}),
    ):
        with pytest.raises(NotFound, match="There is no conversation"):
            call()
    assert conversation_lists.page(talk.database, "ben").lines == []


def test_what_was_asked_just_now_is_the_last_used(talk: Talk) -> None:
    talk.ask("What helps?")
    changed = conversations.get(talk.database, ME, talk.id).changed_at
    assert now() - changed < timedelta(minutes=1)


def test_sampling_names_every_setting_that_is_out_of_its_range() -> None:
    given = {"temperature": 0, "top_p": 0.5, "seed": 3, "max_tokens": None}
    assert sampling.parse(given) == {"temperature": 0, "top_p": 0.5, "seed": 3}
    with pytest.raises(Refused) as refused:
        sampling.parse({"temperature": 3, "top_k": 5, "stop": [""]})
    fields = {fault.field for fault in refused.value.faults}
    assert fields == {"sampling.temperature", "sampling.top_k", "sampling.stop"}
    with pytest.raises(Refused):
        sampling.parse("hot")


def test_system_prompts_are_kept_renamed_and_a_persons_own(story: Any) -> None:
    kept = system_prompts.add(story.database, ME, "Short", "Answer in two sentences.")
    system_prompts.add(story.database, ME, "a calm voice", "Be calm.")
    changed = system_prompts.change(story.database, ME, kept.id, {"name": "Brief"})
    assert (changed.name, changed.text) == ("Brief", "Answer in two sentences.")
    names = [one.name for one in system_prompts.all_of(story.database, ME)]
    assert names == ["a calm voice", "Brief"]
    with pytest.raises(NotFound, match="system prompt"):
        system_prompts.change(story.database, "ben", kept.id, {"name": "Mine"})
