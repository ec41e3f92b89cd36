"""A safety profile as it lets answers through, for answers that are already there."""

from pathlib import Path

from storage.errors import StudioError
from storage.safety.profile import Profile
from storage.safety_prompts import HARMLESS
from worker.evaluation.verdicts import Prompt
from worker.safety.classifier import Classifier
from worker.safety.guard import Guard

_STANDING = ("always", "first")


class Lens:
    """What a person would be shown under a profile.

    Words that it adds to every answer turn nobody away, so harmless questions go without them.
    A classifier that cannot be used is left out: `left_out` says why; else it is None.

    Args:
        profile: whose rules hold.
    """

    def __init__(self, profile: Profile) -> None:
        self.left_out: str | None = None
        self._guard = self._made(profile)
        kept = [each for each in profile.disclaimers if each.when not in _STANDING]
        alone = profile if self.left_out is None else _without_classifier(profile)
        self._quiet = Guard(alone.model_copy(update={"disclaimers": kept}), self._classifier)

    def through(self, prompt: Prompt, text: str) -> str:
        """Return what a person would be shown of an answer. Raises TooSlow."""
        guard = self._quiet if prompt["category"] in HARMLESS else self._guard
        asked = guard.asked([{"role": "user", "content": prompt["text"]}])
        return guard.checked(text, asked).text if asked.refusal is None else asked.refusal

    def _made(self, profile: Profile) -> Guard:
        self._classifier: Classifier | None = None
        if profile.classifier is None:
            return Guard(profile)
        from worker.chat.classifier import FolderClassifier  # noqa: PLC0415  (torch: if needed)

        try:
            self._classifier = FolderClassifier(Path(profile.classifier.folder))
            guard = Guard(profile, self._classifier)
            guard.checked("Good morning.")  # a label that it does not know shows here
        except StudioError as error:
            self._classifier, self.left_out = None, error.message
            return Guard(_without_classifier(profile))
        return guard


def _without_classifier(profile: Profile) -> Profile:
    return profile.model_copy(update={"classifier": None})
