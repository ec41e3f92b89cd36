"""A request that is sent twice puts one run into the queue."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from storage import run_requests, runs
from storage.errors import Refused
from storage.run_requests import Request
from storage.specs import RunSpec
from storage.status import StopRequest
from storage.tables import RunRow
from tests.storage.conftest import ANNA


@pytest.fixture
def spec(story: Any) -> RunSpec:
    """Return the settings of a run on data and a model that are there."""
    return RunSpec(name="Mine", dataset_id=story.dataset(), base_model_id=story.base_model())


def asked(story: Any, spec: RunSpec, **request: Any) -> str:
    """Ask for a run; returns its id."""
    return run_requests.add(story.database, ANNA, spec, Request(**request)).id


def test_the_same_key_is_the_same_run_even_when_it_has_ended(story: Any, spec: RunSpec) -> None:
    run_id = asked(story, spec, key="one")
    runs.request_stop(story.database, ANNA, run_id, StopRequest.DISCARD)
    assert asked(story, spec, key="one") == run_id
    assert asked(story, spec, key="two") != run_id


def test_a_key_is_one_persons_own(story: Any, spec: RunSpec) -> None:
    mine = asked(story, spec, key="one")
    theirs = spec.model_copy(
        update={"dataset_id": story.dataset("ben"), "base_model_id": story.base_model("ben")}
    )
    assert run_requests.add(story.database, "ben", theirs, Request("one")).id != mine


def test_a_key_used_for_other_settings_is_refused(story: Any, spec: RunSpec) -> None:
    asked(story, spec, key="one")
    with pytest.raises(Refused, match="idempotency_key"):
        asked(story, spec.model_copy(update={"rank": 4}), key="one")


@pytest.mark.parametrize("key", ["", "x" * 65])
def test_a_key_that_cannot_be_kept_is_refused(story: Any, spec: RunSpec, key: str) -> None:
    with pytest.raises(Refused, match="idempotency_key"):
        asked(story, spec, key=key)


def test_an_equal_run_within_moments_is_the_same(story: Any, spec: RunSpec) -> None:
    run_id = asked(story, spec, moments=10)
    assert asked(story, spec, moments=10) == run_id
    assert asked(story, spec.model_copy(update={"rank": 4}), moments=10) != run_id
    with story.database.write() as session:
        session.get_one(RunRow, run_id).created_at -= timedelta(seconds=11)
    assert asked(story, spec, moments=10) != run_id


def test_one_that_has_ended_is_not_meant(story: Any, spec: RunSpec) -> None:
    run_id = asked(story, spec, moments=10)
    runs.request_stop(story.database, ANNA, run_id, StopRequest.KEEP)
    assert asked(story, spec, moments=10) != run_id


@pytest.mark.parametrize("request_", [{"key": "one"}, {"moments": 10}])
def test_clicks_at_the_same_moment_put_one_run_into_the_queue(
    story: Any, spec: RunSpec, request_: dict[str, Any]
) -> None:
    found: list[str] = []
    clicks = [
        threading.Thread(target=lambda: found.append(asked(story, spec, **request_)))
        for _ in range(8)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert (len(found), len(set(found)), len(runs.all_of(story.database, ANNA))) == (8, 1, 1)


def test_what_was_expected_is_remembered(story: Any, spec: RunSpec) -> None:
    run = runs.get(story.database, ANNA, asked(story, spec, seconds=90.5, bytes=3 * 10**9))
    assert (run.planned_seconds, run.planned_bytes) == (90.5, 3 * 10**9)
