"""The plug-in interface for a model that judges texts, and what it judges as a rule's find."""

from collections.abc import Callable, Sequence
from typing import Protocol

from storage.errors import StudioError
from storage.safety.profile import ClassifierChoice, Rule
from worker.safety.finding import Finder

RULE = "classifier"


class Classifier(Protocol):
    """Judges texts."""

    def judge(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Return for each text the share of every label, 0 to 1. Raises StudioError."""


class Missing(StudioError):
    """A profile has a classifier that is not there to judge."""


def judging(
    choice: ClassifierChoice, classifier: Classifier, side: str
) -> Callable[[str], list[Finder]] | None:
    """Return what says of a text which rules hold by a classifier; None: not on this side."""
    if choice.side not in (side, "both"):
        return None
    rule = Rule(
        id=RULE, side=choice.side, phrases=[choice.label], action=choice.action, words=choice.words
    )
    finder = Finder(rule, choice.words, (), None)

    def judge(text: str) -> list[Finder]:
        if not text.strip():
            return []
        (shares,) = classifier.judge([text])
        if choice.label not in shares:
            raise StudioError(
                f"The safety classifier knows no label “{choice.label}”, so nothing was said.",
                f"It knows {', '.join(sorted(shares))}: choose one of these on the page Safety.",
            )
        return [finder] if shares[choice.label] >= choice.threshold else []

    return judge
