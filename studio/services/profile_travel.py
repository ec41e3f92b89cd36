"""The safety profile in force for a model, as it leaves the studio with the model's files."""

import re
from collections.abc import Mapping

from storage import profile_uses
from storage.safety import profiles
from studio.services import model_cards
from studio.services.studio import Studio

FILE = "safety_profile.yaml"
"""The name of the profile beside the weights."""

_SECTION = """
## Safety profile

In Tuning Studio this model answered under the safety profile **{name}**, which is in
`safety_profile.yaml`: what it was told before each conversation, what was looked for in questions
and answers, and what was done when it was found. Other programs do not apply it by themselves: give
the model its `system` text, and check questions and answers there too. Rules find words, not
meaning; they are no proof that the model is safe.
"""


def with_profile(
    studio: Studio, owner: str, contestant: str, files: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return files that leave with a model, with its profile and a word of it in the card.

    Args:
        studio: the studio.
        owner: whose.
        contestant: whose files, such as adapter:ID; the profile is its own, else the studio's.
        files: by name; the card among them, if there is one.

    Raises:
        NotFound: the profile in force is gone.
    """
    used = profile_uses.in_force(profile_uses.of(studio.database, owner), contestant)
    if used is None:
        return dict(files)
    found = profiles.find(studio.settings.home, used)
    told = {**files, FILE: profiles.text(studio.settings.home, used).encode()}
    if model_cards.FILE in files:
        section = _SECTION.format(name=_plain(found.name))
        told[model_cards.FILE] = files[model_cards.FILE] + section.encode()
    return told


def _plain(name: str) -> str:
    """Return a name so that Markdown shows it as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(name.split()))
