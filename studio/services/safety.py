"""Safety profiles: listed, edited, put in force for the studio or a model, and tried on a text."""

from typing import Any

from storage import audit, profile_uses
from storage.audit import Action
from storage.errors import Fault, NotFound, Refused, StudioError
from storage.profile_uses import STUDIO, Uses
from storage.safety import files, profiles
from storage.safety.profile import Profile
from storage.safety.profiles import Stored
from studio.services import chat
from studio.services.studio import Studio
from worker import tasks

LONGEST_TRIAL = 20_000
"""Characters of a text that is tried."""


def listing(studio: Studio) -> list[Stored]:
    """Return the shipped profiles and then a person's own; broken ones among them."""
    return profiles.all_of(studio.settings.home)


def find(studio: Studio, profile_id: str) -> Stored:
    """Return one profile, broken or not. Raises NotFound."""
    return profiles.find(studio.settings.home, profile_id)


def text(studio: Studio, profile_id: str) -> str:
    """Return a profile's file as it is. Raises NotFound."""
    return profiles.text(studio.settings.home, profile_id)


def read(values: object = None, yaml: object = None) -> Profile:
    """Return the profile of a form's values, or of a file's text.

    Raises:
        Refused: with every mistake at once, by field, and by line where it is a file's.
    """
    if (values is None) == (yaml is None):
        raise Refused([Fault("profile", "Give profile or yaml.")])
    if yaml is None:
        return files.checked(values)
    if not isinstance(yaml, str):
        raise Refused([Fault("yaml", "Must be text.")])
    return files.read(yaml)


def add(studio: Studio, owner: str, profile: Profile) -> Stored:
    """Keep a new profile of a person's own."""
    made = profiles.add(studio.settings.home, profile)
    _note(studio, owner, made.id, "added")
    return made


def replace(studio: Studio, owner: str, profile_id: str, profile: Profile) -> Stored:
    """Write a person's own profile anew; what it says holds for the next question.

    Raises:
        NotFound: there is none of this id.
        StudioError: it ships with the studio.
    """
    made = profiles.replace(studio.settings.home, profile_id, profile)
    _note(studio, owner, profile_id, "changed")
    return made


def delete(studio: Studio, owner: str, profile_id: str) -> None:
    """Delete a person's own profile; `restore` brings it back.

    Raises:
        NotFound: there is none of this id.
        StudioError: it ships with the studio, or is in force for somebody.
    """
    found = find(studio, profile_id)
    titles = [title for _, title, used in uses(studio, owner) if used == profile_id]
    if titles:
        raise StudioError(
            f"{found.name} is in force for {titles[0]}.", "Choose another profile there first."
        )
    profiles.delete(studio.settings.home, profile_id)
    _note(studio, owner, profile_id, "deleted")


def restore(studio: Studio, owner: str, profile_id: str) -> Stored:
    """Bring a deleted profile back. Raises NotFound."""
    found = profiles.restore(studio.settings.home, profile_id)
    _note(studio, owner, profile_id, "restored")
    return found


def uses(studio: Studio, owner: str) -> list[tuple[str, str, str | None]]:
    """Return whom a profile can be in force for: subject, title, and the id of its own profile.

    The studio comes first; then base models and adapters. What a deleted adapter had is told too.
    """
    in_force = profile_uses.of(studio.database, owner)
    titles = {STUDIO: "the studio"} | {
        each.name: each.title for each in chat.listing(studio, owner) if each.kind != "checkpoint"
    }
    left = {subject: subject for subject in in_force if subject not in titles}
    return [(name, title, in_force.get(name)) for name, title in (titles | left).items()]


def put_in_force(studio: Studio, owner: str, subject: str, profile_id: str | None) -> Uses:
    """Put a profile in force for a subject, or take its own away; it holds for the next question.

    Raises:
        NotFound: there is no such profile, or nobody of that name.
        StudioError: the profile's file cannot be used.
    """
    if subject not in [name for name, _, _ in uses(studio, owner)]:
        raise NotFound(f"There is no model called {subject[:80]}.", "Reload the page.")
    if profile_id is not None:
        profiles.get(studio.settings.home, profile_id)
    profile_uses.put(studio.database, owner, subject, profile_id)
    return profile_uses.of(studio.database, owner)


def tried(profile: Profile, words: object) -> dict[str, Any]:
    """Say what a profile makes of a text; see `worker.safety.trial`.

    Raises:
        Refused: it is no text, or too long.
        StudioError: a pattern takes too long on it.
    """
    if not isinstance(words, str) or len(words) > LONGEST_TRIAL:
        raise Refused([Fault("text", f"Must be text, at most {LONGEST_TRIAL:,} characters.")])
    return tasks.try_profile(profile, words)


def _note(studio: Studio, owner: str, profile_id: str, change: str) -> None:
    told = {"change": change}
    audit.noted(studio.database, owner, Action.PROFILE_CHANGED, profile_id, told)
