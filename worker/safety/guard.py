"""A profile in force: what is asked is checked first, and the answer while it is written."""

from collections.abc import Callable, Sequence
from typing import Final

from storage.safety.profile import Profile
from worker.safety.answer_stream import AnswerStream, Opening
from worker.safety.classifier import Classifier, Missing, judging
from worker.safety.finding import Finder, finders
from worker.safety.scanning import Found, Scanner
from worker.safety.verdicts import Asked, Checked, Message, Verdict, verdict

LEFT_OUT: Final = "[left out by a safety rule]"
"""What a model reads in place of an earlier turn that it must not be told."""


class Guard:
    """A profile made ready to check texts; it remembers nothing of them.

    Args:
        profile: what is in force.
        classifier: of the profile's folder, where the profile has one.

    Raises:
        Missing: the profile has a classifier and none is given.
    """

    def __init__(self, profile: Profile, classifier: Classifier | None = None) -> None:
        self.profile = profile
        self._finders = {side: finders(profile, side) for side in ("input", "output")}
        self._judges: dict[str, Callable[[str], list[Finder]] | None] = {}
        choice = profile.classifier
        if choice is not None:
            if classifier is None:
                raise Missing(
                    f"The classifier of the safety profile “{profile.name}” is not loaded.",
                    "Choose its folder again on the page Safety, or take it out there.",
                )
            for side in ("input", "output"):
                self._judges[side] = judging(choice, classifier, side)

    def asked(self, messages: Sequence[Message]) -> Asked:
        """Check what a person asks: the turns of theirs that nobody has answered yet.

        Earlier turns of theirs are not answered again: what a rule would block or replace in them
        is kept from the model, and nothing more is said of it.

        Raises:
            TooSlow: a pattern takes too long.
        """
        last = _answered(messages)
        found = [self._question(each) if _is_theirs(each) else None for each in messages]
        verdicts = _once([one for each in found[last:] if each for one in each.verdicts])
        told = [
            {**message, "content": each.text} if each else dict(message)
            for message, each in zip(messages, found, strict=True)
        ]
        return Asked(_instructed(told, self.profile.instructions()), verdicts, _refusal(verdicts))

    def stream(self, asked: Asked | None = None, *, is_first: bool = True) -> AnswerStream:
        """Return what checks one answer while it is written.

        Args:
            asked: what came of its question: its notices come before the answer, its notes after.
            is_first: no answer came before it in the conversation.
        """
        scanner = Scanner(self._finders["output"], self._judges.get("output"))
        opening = Opening(tuple(asked.verdicts) if asked else (), is_first)
        return AnswerStream(self.profile, scanner, opening)

    def checked(self, text: str, asked: Asked | None = None) -> Checked:
        """Check an answer that is there as a whole. Raises TooSlow."""
        stream = self.stream(asked)
        shown = stream.feed(text) + stream.finish()
        return Checked(shown, stream.verdicts, stream.blocked, stream.ease)

    def found(self, text: str, side: str) -> list[tuple[Verdict, str]]:
        """Return every rule that is found in a text, once, with the first text it was found in.

        Nothing is blocked or replaced on the way. Raises TooSlow.
        """
        scanner = Scanner(self._finders[side], self._judges.get(side))
        first: dict[str, tuple[Verdict, str]] = {}
        for each in (*scanner.feed(text), *scanner.finish()):
            if isinstance(each, Found):
                first.setdefault(each.finder.rule.id, (verdict(each.finder, side), each.text))
        return list(first.values())

    def _question(self, message: Message) -> Checked:
        """Return a turn of a person's as the model may read it, and what was found in it."""
        scanner = Scanner(self._finders["input"], self._judges.get("input"))
        shown: list[str] = []
        verdicts: list[Verdict] = []
        for each in (*scanner.feed(message["content"]), *scanner.finish()):
            if isinstance(each, str):
                shown.append(each)
                continue
            verdicts.append(verdict(each.finder, "input"))
            if each.finder.rule.action == "replace":
                shown.append(each.finder.words)
        blocked = any(one["action"] == "block" for one in verdicts)
        return Checked(LEFT_OUT if blocked else "".join(shown), verdicts, blocked, None)


def _answered(messages: Sequence[Message]) -> int:
    """Return how many messages, from the first, came before the turns that wait for an answer."""
    answers = [number for number, each in enumerate(messages, 1) if each["role"] == "assistant"]
    return max(answers, default=0)


def _is_theirs(message: Message) -> bool:
    return message["role"] in ("user", "system")


def _refusal(verdicts: list[Verdict]) -> str | None:
    """Return what to answer with where a rule blocks the question; notices come first."""
    blocks = [one["words"] for one in verdicts if one["action"] == "block"]
    notices = [one["words"] for one in verdicts if one["action"] == "notice"]
    return "\n\n".join([*notices, blocks[0]]) if blocks else None


def _once(verdicts: list[Verdict]) -> list[Verdict]:
    return list({one["rule"]: one for one in reversed(verdicts)}.values())[::-1]


def _instructed(messages: list[Message], instructions: str) -> list[Message]:
    """Return the messages with the profile's instructions before a person's own."""
    if not instructions:
        return messages
    if messages and messages[0]["role"] == "system":
        own = f"{instructions}\n\n{messages[0]['content']}"
        return [{**messages[0], "content": own}, *messages[1:]]
    return [{"role": "system", "content": instructions}, *messages]
