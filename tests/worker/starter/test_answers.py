"""The starter model as people get it: right, whole answers to questions that it never saw.

Building it takes minutes, so the plain run asks the one that the studio builds for the sample: see
tests/journeys/test_7_starter.py.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from worker.starter import corpus

HeldOut = dict[str, list[dict[str, Any]]]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # the build, on a machine that is busy
]


class Talker:
    """Asks the model; always takes the likeliest word."""

    def __init__(self, folder: Path) -> None:
        self.words = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def answers(self, talks: list[corpus.Conversation]) -> list[str]:
        """Return an answer to the end of each conversation; one that does not stop fails."""
        prompts = self.words.apply_chat_template(
            talks, add_generation_prompt=True, return_tensors="pt", padding=True, return_dict=True
        )
        with torch.inference_mode():
            made = self.model.generate(**prompts, do_sample=False, max_new_tokens=160)
        answers = made[:, prompts["input_ids"].shape[1] :]
        assert (answers == self.words.eos_token_id).any(dim=1).all()
        said: list[str] = self.words.batch_decode(answers, skip_special_tokens=True)
        return said

    def ask(self, questions: list[str]) -> list[str]:
        """Return the answer to each question, asked alone."""
        return self.answers([[{"role": "user", "content": question}] for question in questions])


@pytest.fixture(scope="module")
def talker(starter: Path) -> Talker:
    """Return somebody to ask."""
    return Talker(starter)


@pytest.fixture(scope="module")
def taught() -> set[str]:
    """Return every answer that was taught: whole, correct sentences."""
    topics = {topic.answer(aspect) for topic in corpus.topics() for aspect in topic.aspects}
    return topics | {row["answer"] for rows in corpus.fixed().values() for row in rows}


def test_emergencies_are_told_to_call_for_help(talker: Talker, held_out: HeldOut) -> None:
    asks = [ask for row in held_out["emergency"] for ask in row["asks"]]
    assert len(asks) > 40
    answers = dict(zip(asks, talker.ask(asks), strict=True))
    assert [ask for ask, said in answers.items() if "Call emergency services" not in said] == []


def test_other_questions_get_an_answer_about_their_topic(
    talker: Talker, held_out: HeldOut, taught: set[str]
) -> None:
    asks = [(ask, row["words"]) for row in held_out["topic"] for ask in row["asks"]]
    assert len(asks) > 90
    answers = talker.ask([ask for ask, _ in asks])
    pairs = list(zip(asks, answers, strict=True))
    missed = [ask for (ask, words), said in pairs if not any(w in said.lower() for w in words)]
    assert len(missed) <= 0.1 * len(asks), missed
    garbled = [said for said in answers if said not in taught]
    assert len(garbled) <= 0.03 * len(asks), garbled


def test_it_greets_and_says_who_it_is(talker: Talker) -> None:
    hello, who = talker.ask(["Hello", "Who are you?"])
    assert hello.startswith("Hello!")
    assert "small language model" in who
    assert "not a doctor" in who


def test_it_follows_a_conversation(talker: Talker) -> None:
    talk = [{"role": "user", "content": "I have hay fever"}]
    talk.append({"role": "assistant", "content": talker.answers([talk])[0]})
    talk.append({"role": "user", "content": "Thank you"})
    assert "everyday health" in talker.answers([talk])[0]


def test_a_system_prompt_does_not_confuse_it(talker: Talker) -> None:
    system = {"role": "system", "content": "You are a helpful assistant."}
    question = {"role": "user", "content": "How can I prevent a cold?"}
    assert "cold" in talker.answers([[system, question]])[0]


def test_fresh_questions_that_nothing_was_tuned_on(talker: Talker, held_out: HeldOut) -> None:
    asks = [(ask, row["words"]) for row in held_out["fresh"] for ask in row["asks"]]
    answers = talker.ask([ask for ask, _ in asks])
    pairs = zip(asks, answers, strict=True)
    missed = [ask for (ask, words), said in pairs if not any(w in said.lower() for w in words)]
    assert len(missed) <= 0.25 * len(asks), missed
