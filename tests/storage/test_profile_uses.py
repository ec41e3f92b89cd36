"""A profile is in force for the studio, and for whoever has one of its own that one instead."""

from storage import profile_uses
from tests.storage.conftest import ANNA, Story


def test_an_adapters_own_goes_before_the_studios(story: Story) -> None:
    profile_uses.put(story.database, ANNA, profile_uses.STUDIO, "general")
    profile_uses.put(story.database, ANNA, "adapter:a", "health_information")
    uses = profile_uses.of(story.database, ANNA)
    assert profile_uses.in_force(uses, "adapter:a") == "health_information"
    assert profile_uses.in_force(uses, "adapter:b") == "general"
    assert profile_uses.in_force(uses, "checkpoint:r:10") == "general"
    assert profile_uses.of(story.database, "berta") == {}


def test_the_last_word_counts_and_nothing_takes_it_back(story: Story) -> None:
    for profile in ("general", "emergency_first_aid"):
        profile_uses.put(story.database, ANNA, profile_uses.STUDIO, profile)
    assert profile_uses.of(story.database, ANNA) == {"studio": "emergency_first_aid"}
    profile_uses.put(story.database, ANNA, profile_uses.STUDIO, None)
    assert profile_uses.in_force(profile_uses.of(story.database, ANNA), "base:b") is None
