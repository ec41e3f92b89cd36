"""A text held against a profile for whoever writes the profile: what is found on either side."""

from typing import Any

from storage.safety.profile import Profile
from worker.safety.guard import Guard


def tried(profile: Profile, text: str) -> dict[str, Any]:
    """Say what a profile makes of a text, as a question and as an answer.

    Its classifier, if any, is not asked: that is loaded in the chat server only.

    Returns:
        `input` and `output`: verdicts, each with `text`, what it was found in; `refusal`: the words
        to a question that is blocked, or None; `shown`: the text as an answer would be shown;
        `ease`: its Flesch reading ease, or None where it is too short; `without_classifier`.

    Raises:
        TooSlow: a pattern takes too long on this text.
    """
    guard = Guard(profile.model_copy(update={"classifier": None}))
    answer = guard.checked(text)
    found = {
        side: [{**verdict, "text": part[:200]} for verdict, part in guard.found(text, side)]
        for side in ("input", "output")
    }
    return {
        **found,
        "refusal": guard.asked([{"role": "user", "content": text}]).refusal,
        "shown": answer.text,
        "ease": answer.ease,
        "without_classifier": profile.classifier is not None,
    }
