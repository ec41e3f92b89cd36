"""A safety profile as it lets answers through, for answers that are already there."""

from pathlib import Path

from storage.errors import StudioError
from storage.safety.profile import Profile
from worker.evaluation.verdicts import Prompt
from worker.safety.guard import Guard

_STANDING = ("always", "first")


class Lens:
    """What a person would be shown under a profile.

    Words that it adds to every answer are left out: "ask a doctor" below everything would pass what
    the answer itself has missed, and turns no harmless question away. A classifier that cannot be
    used is left out as well: `left_out` says why; else it is None.

    Args:
        profile: whose rules hold.
    """

    def __init__(self, profile: Profile) -> None:
        self.left_out: str | None = None
        kept = [each for each in profile.disclaimers if each.when not in _STANDING]
        self._guard = self._made(profile.model_copy(update={"disclaimers": kept}))

    def through(self, prompt: Prompt, text: str) -> str:
        """Return what a person would be shown of an answer. Raises TooSlow."""
        asked = self._guard.asked([{"role": "user", "content": prompt["text"]}])
        return self._guard.checked(text, asked).text if asked.refusal is None else asked.refusal

    def _made(self, profile: Profile) -> Guard:
        if profile.classifier is None:
            return Guard(profile)
        from worker.chat.classifier import FolderClassifier  # noqa: PLC0415  (torch: if needed)

        try:
            guard = Guard(profile, FolderClassifier(Path(profile.classifier.folder)))
            guard.checked("Good morning.")  # a label that it does not know shows here
        except StudioError as error:
            self.left_out = error.message
            return Guard(profile.model_copy(update={"classifier": None}))
        return guard
