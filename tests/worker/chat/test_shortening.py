"""The oldest turns make room; what the system says and the last question never do."""

from worker.chat.prompts import Message, Prompt
from worker.chat.shortening import shortened


class Counted:
    """A renderer whose prompts have a token for each letter; it counts its work."""

    def __init__(self) -> None:
        self.rendered = 0

    def __call__(self, messages: list[Message]) -> Prompt:
        self.rendered += 1
        return Prompt([1] * sum(len(message["content"]) for message in messages), "model")


def talk(turns: int) -> list[Message]:
    """A system prompt of ten letters, and turns of ten letters each."""
    said = [{"role": "system", "content": "s" * 10}]
    for _ in range(turns):
        said += [{"role": "user", "content": "u" * 4}, {"role": "assistant", "content": "a" * 6}]
    return [*said, {"role": "user", "content": "last"}]


def test_what_fits_is_left_as_it_is() -> None:
    found = shortened(talk(3), render := Counted(), room=44)
    assert (len(found.prompt.tokens), found.dropped_turns) == (44, 0)
    assert render.rendered == 1


def test_as_few_turns_go_as_will_do() -> None:
    for room, gone in ((43, 1), (34, 1), (33, 2), (24, 2), (23, 3), (14, 3)):
        found = shortened(talk(3), Counted(), room)
        assert (found.dropped_turns, len(found.prompt.tokens)) == (gone, 44 - 10 * gone)


def test_the_system_prompt_and_the_last_question_stay_even_where_they_do_not_fit() -> None:
    found = shortened(talk(3), Counted(), room=2)
    assert (found.dropped_turns, len(found.prompt.tokens)) == (3, 14)
    alone = shortened([{"role": "user", "content": "too long"}], Counted(), room=2)
    assert (alone.dropped_turns, len(alone.prompt.tokens)) == (0, 8)


def test_the_newest_turns_are_the_ones_that_stay() -> None:
    seen: list[list[Message]] = []

    def render(messages: list[Message]) -> Prompt:
        seen.append(messages)
        return Prompt([1] * len(messages), "model")

    said = [
        {"role": role, "content": text}
        for role, text in (
            ("assistant", "Hello!"),
            ("user", "one"),
            ("assistant", "first"),
            ("system", "Now be brief."),
            ("user", "two"),
            ("assistant", "second"),
            ("user", "three"),
        )
    ]
    assert shortened(said, render, room=4).dropped_turns == 1
    assert [message["content"] for message in seen[-1]] == [
        "Now be brief.",
        "two",
        "second",
        "three",
    ]


def test_a_very_long_conversation_is_rendered_a_few_times_only() -> None:
    found = shortened(talk(4000), render := Counted(), room=1014)
    assert found.dropped_turns == 3900
    assert render.rendered <= 15
