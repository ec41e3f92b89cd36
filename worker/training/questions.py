"""Conversations up to where their last answer begins, as tokens: what a model is asked."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from datasets import Dataset

from storage.errors import StudioError
from worker.training.conversations import Conversation
from worker.training.data import Count
from worker.training.templates import Template
from worker.training.tokens import Encoder
from worker.training.writing import REFUSALS


@dataclass(frozen=True)
class Questions:
    """Prompts in the column `prompt`; those too long are left out, never cut.

    Attributes:
        examples: in the order of the rows.
        count: `cut` and `learned` stay 0; too long ones count as dropped.
        highest: the highest token in them; -1 where there is none.
        longest: tokens of the longest prompt, of those left out too.
    """

    examples: Dataset
    count: Count
    highest: int
    longest: int


class Asker:
    """Writes conversations as at inference: the chat format, and the words that begin an answer.

    Control tokens that somebody typed are encoded as the characters they are made of.

    Args:
        tokenizer: the base model's; its template is the one that answers are asked with.
        template: the chat template of the run; how it is patched for training does not count.
    """

    def __init__(self, tokenizer: Any, template: Template) -> None:
        self._tokenizer = tokenizer
        self._encoder = Encoder(tokenizer, template, response_only=False)

    def ask(self, row: dict[str, Any]) -> list[int] | None:
        """Return the tokens up to a row's last learned answer; None where it has no question.

        Raises:
            StudioError: the chat template refuses the conversation, or leaves part of it out.
        """
        conversation, _ = self._encoder.written(row)  # says in words what the format cannot hold
        count = _asked(conversation)
        if not any(turn["role"] == "user" for turn in conversation.turns[:count]):
            return None
        try:
            asked: list[int] = self._tokenizer.apply_chat_template(
                conversation.turns[:count],
                tools=conversation.tools,
                add_generation_prompt=True,
                sanitize_control_tokens=True,
            )["input_ids"]
        except REFUSALS as error:
            reason = str(error).rstrip(".")
            raise StudioError(
                f"The question in line {conversation.line} cannot be asked in this model's chat "
                f"format: {reason}.",
                "Change the roles in your data, or choose another base model.",
            ) from error
        return asked


def read(
    rows: Iterable[dict[str, Any]], asker: Asker, room: int, check: Callable[[], None]
) -> Questions:
    """Ask every row; prompts of more than `room` tokens are left out.

    Args:
        rows: with `messages`.
        asker: see `Asker`.
        room: in tokens.
        check: called after each row; raises where somebody asked to stop.
    """
    ids, ends, count, longest = array("i"), array("q", [0]), Count(), 0
    for row in rows:
        check()
        count.rows += 1
        prompt = asker.ask(row)
        longest = max(longest, len(prompt or ()))
        if prompt is None or len(prompt) > room:
            count.dropped += 1
            continue
        ids.extend(prompt)
        ends.append(len(ids))
    count.tokens = len(ids)
    prompts = [np.frombuffer(ids, np.int32)[a:b] for a, b in pairwise(ends)]
    return Questions(Dataset.from_dict({"prompt": prompts}), count, max(ids, default=-1), longest)


def require_some(found: Questions, answer_tokens: int) -> None:
    """Raise StudioError where no question is left to be asked."""
    if len(found.examples):
        return
    if not found.count.rows:
        raise StudioError(
            "There is no example to learn from.", "Add examples, or keep fewer for the exam."
        )
    if not found.longest:
        raise StudioError(
            "There is nothing to ask: no example has a question.", "Add questions to your data."
        )
    raise StudioError(
        f"All questions are too long: with an answer of {answer_tokens:,} tokens even the "
        "shortest does not fit.",
        "Raise 'Longest example, in tokens', or lower 'Longest answer it tries'.",
    )


def _asked(conversation: Conversation) -> int:
    """How many turns stand before the last answer that is learned."""
    return max(n for n in conversation.answers if n not in conversation.unlearned)
