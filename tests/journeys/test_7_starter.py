"""The starter model that the studio built for the sample answers as it should.

The checks are those of tests/worker/starter, which build the model once more in their slow form.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from storage.artifacts import Artifacts
from tests.journeys.studio_process import StudioProcess, until
from tests.worker.starter import test_answers
from tests.worker.starter.test_answers import (
    talker,
    taught,
    test_a_system_prompt_does_not_confuse_it,
    test_emergencies_are_told_to_call_for_help,
    test_fresh_questions_that_nothing_was_tuned_on,
    test_it_follows_a_conversation,
    test_it_greets_and_says_who_it_is,
    test_other_questions_get_an_answer_about_their_topic,
)

__all__ = [
    "talker",
    "taught",
    "test_a_system_prompt_does_not_confuse_it",
    "test_emergencies_are_told_to_call_for_help",
    "test_fresh_questions_that_nothing_was_tuned_on",
    "test_it_follows_a_conversation",
    "test_it_greets_and_says_who_it_is",
    "test_other_questions_get_an_answer_about_their_topic",
]

SECONDS = 480
"""Building the model takes a minute on a quiet machine; the sample before this has done it."""


@pytest.fixture(scope="module")
def starter(studio: StudioProcess) -> Path:
    """Return the folder of the starter model, as the worker built it."""
    there = [model for model in studio.get("/models") if model["source"] == "starter"]
    model = there[0] if there else studio.post("/models", json={"source": "starter"})
    place = f"/models/{model['id']}"
    until(lambda: studio.get(place)["status"] == "ready", "the starter model is built", SECONDS)
    return Artifacts(studio.home).base_model(model["id"])


@pytest.fixture(scope="module")
def held_out() -> dict[str, list[dict[str, Any]]]:
    """Return questions that the model never saw."""
    file = Path(test_answers.__file__).with_name("held_out.toml")
    return tomllib.loads(file.read_text("utf-8"))
