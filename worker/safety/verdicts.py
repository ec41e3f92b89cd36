"""What the rules found, as plain values that travel to pages, tables and the audit trail."""

from dataclasses import dataclass, field
from typing import Literal, TypedDict

from storage.safety.profile import Action
from worker.safety.finding import Finder

Message = dict[str, str]


class Verdict(TypedDict):
    """A rule that was found.

    `rule`: its id; `classifier` and `disclaimer` where these spoke. `words`: what the person is
    shown. `side`: input or output.
    """

    rule: str
    title: str
    topic: str | None
    action: Action
    words: str
    side: Literal["input", "output"]


@dataclass(frozen=True)
class Asked:
    """What came of a question before anybody answers it.

    Attributes:
        messages: what the model is to be told: with the profile's instructions, without what must
            not reach it.
        verdicts: in the order of the rules.
        refusal: the words to answer with instead of asking the model; None: it may be asked.
    """

    messages: list[Message]
    verdicts: list[Verdict] = field(default_factory=list)
    refusal: str | None = None


@dataclass(frozen=True)
class Checked:
    """An answer as it may be shown, with what was found; `blocked`: the rest was held back.

    `ease`: its Flesch reading ease, None where it is too short to tell.
    """

    text: str
    verdicts: list[Verdict]
    blocked: bool
    ease: float | None


def verdict(finder: Finder, side: str) -> Verdict:
    """Return what to say of a rule that was found on a side."""
    rule = finder.rule
    return Verdict(
        rule=rule.id,
        title=rule.title or rule.id,
        topic=rule.topic,
        action=rule.action,
        words=finder.words,
        side="input" if side == "input" else "output",
    )
