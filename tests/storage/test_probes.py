"""Answers to a run's probe prompts: kept once, fenced off, and taken back with the later steps."""

from typing import Any

import pytest

from storage import attempts, events, metrics, probes
from storage.errors import Superseded
from storage.status import RunStatus


def kept(story: Any, run_id: str) -> list[tuple[int, int, str]]:
    found = probes.of(story.database, run_id)
    return [(answer.step, answer.prompt, answer.answer) for answer in found]


def test_answers_are_read_by_step_and_by_prompt(story: Any) -> None:
    run = story.running()
    probes.keep(story.database, run.id, 1, 5, {0: "Better.", 1: "Good."})
    probes.keep(story.database, run.id, 1, 0, {1: "", 0: "Hm?"})
    assert kept(story, run.id) == [
        (0, 0, "Hm?"), (0, 1, ""), (5, 0, "Better."), (5, 1, "Good."),
    ]  # fmt: skip
    assert probes.are_kept(story.database, run.id, 5)
    assert not probes.are_kept(story.database, run.id, 6)


def test_what_is_answered_twice_keeps_its_first_answer(story: Any) -> None:
    run = story.running()
    probes.keep(story.database, run.id, 1, 0, {0: "First."})
    probes.keep(story.database, run.id, 1, 0, {0: "Second.", 1: "New."})
    assert kept(story, run.id) == [(0, 0, "First."), (0, 1, "New.")]


def test_an_attempt_that_another_has_replaced_writes_no_answer(story: Any) -> None:
    run = story.running()
    attempts.put_back(story.database, run.id, 1, "killed")
    with pytest.raises(Superseded):
        probes.keep(story.database, run.id, 1, 0, {0: "Late."})
    with pytest.raises(Superseded):
        probes.give_up(story.database, run.id, 1, "Late.")
    assert kept(story, run.id) == []


def test_a_resumed_run_forgets_the_answers_after_its_step_and_nothing_else(story: Any) -> None:
    run, other = story.running(), story.running()
    for step in (0, 5, 10):
        probes.keep(story.database, run.id, 1, step, {0: f"After {step}."})
        probes.keep(story.database, other.id, 1, step, {0: f"After {step}."})
    attempts.put_back(story.database, run.id, 1, "killed")
    claimed = story.claimed()
    assert claimed.id == run.id
    metrics.resume_from(story.database, run.id, 2, 5)
    assert [step for step, _, _ in kept(story, run.id)] == [0, 5]
    assert [step for step, _, _ in kept(story, other.id)] == [0, 5, 10]


def test_why_there_are_no_more_answers_is_told_on_the_run_s_page(story: Any) -> None:
    run = story.running()
    probes.give_up(story.database, run.id, 1, "The model is spread over several processes.")
    attempts.end(story.database, run.id, 1, RunStatus.FINISHED, "done")
    told = events.of(story.database, run.id)
    assert ("no_probe_answers", "The model is spread over several processes.") in [
        (event.kind, event.words) for event in told
    ]


def test_the_newest_value_of_a_curve_is_known(story: Any) -> None:
    run = story.running()
    assert metrics.newest(story.database, run.id, "tokens") == 0
    points = [metrics.Point("tokens", step, 100.0 * step) for step in (1, 2, 3)]
    metrics.report(story.database, run.id, 1, points)
    assert metrics.newest(story.database, run.id, "tokens") == 300
