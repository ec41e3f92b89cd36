"""Samples of a run: written by who holds it, thinned evenly, read from a moment on."""

from itertools import pairwise
from typing import Any

import pytest

from storage import attempts, telemetry
from storage.errors import Superseded
from storage.telemetry import Sample


def test_a_long_run_keeps_samples_that_are_evenly_apart(
    story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "MOST", 20)
    run = story.running()
    for number in range(205):
        telemetry.add(story.database, run.id, 1, Sample(1000.0 + 5 * number, {"n": number}))
        assert len(telemetry.after(story.database, run.id)) <= 20
    kept = telemetry.after(story.database, run.id)
    assert (kept[0].at, kept[-1].values["n"]) == (1000.0, 204)
    apart = [later.at - sample.at for sample, later in pairwise(kept)]
    assert max(apart) <= 4 * 1020 / 20
    assert telemetry.last(story.database, run.id) == kept[-1]


def test_samples_are_read_from_a_moment_on(story: Any) -> None:
    run = story.running()
    assert telemetry.last(story.database, run.id) is None
    for at in (1.0, 2.0, 3.0):
        telemetry.add(story.database, run.id, 1, Sample(at, {"memory": at}))
    assert [sample.at for sample in telemetry.after(story.database, run.id, 1.0)] == [2.0, 3.0]


def test_an_attempt_that_is_over_writes_no_more(story: Any) -> None:
    run = story.running()
    attempts.put_back(story.database, run.id, 1, "killed")
    with pytest.raises(Superseded):
        telemetry.add(story.database, run.id, 1, Sample(1.0, {}))
    story.claimed()
    with pytest.raises(Superseded):
        telemetry.add(story.database, run.id, 1, Sample(1.0, {}))
    assert telemetry.after(story.database, run.id) == []
