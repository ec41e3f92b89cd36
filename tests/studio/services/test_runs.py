"""Runs: every fault at once before the start, then the queue, stopping, going on, and the log."""

from typing import Any

import pytest

from storage import analyses as stored_analyses
from storage import attempts, checkpoints
from storage import runs as stored
from storage.analyses import Kind
from storage.base_models import Base
from storage.datasets import Dataset
from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.specs import RunSpec
from storage.status import RunStatus, WorkStatus
from studio.services import base_models, datasets, plans, runs
from studio.services.plans import Places
from tests.fakes.workplace import Workplace, examples


def given(data: Dataset, model: Base, **changes: Any) -> dict[str, Any]:
    """Return settings that fit the tiny model, but for these changes."""
    places = {"dataset_id": data.id, "base_model_id": model.id}
    return {**places, "name": "Try", "max_length": 64, "rank": 4, **changes}


def started(workplace: Workplace, **changes: Any) -> stored.Run:
    """Return a run in the queue, on data and a model that are ready."""
    data, model = workplace.data(), workplace.model()
    return runs.start(workplace.studio, ME, given(data, model, **changes))


def refusal(workplace: Workplace, values: dict[str, Any]) -> dict[str, str]:
    """Return what start says against the settings, by field; the plan must say the same."""
    with pytest.raises(Refused) as refused:
        runs.start(workplace.studio, ME, values)
    assert plans.plan(workplace.studio, ME, values).faults == refused.value.faults
    assert runs.listing(workplace.studio, ME) == []
    return {fault.field: fault.message for fault in refused.value.faults}


# Before the start.


def test_every_fault_of_the_form_is_told_at_once(workplace: Workplace) -> None:
    found = refusal(workplace, {"rank": 0, "learning_rate": "fast", "dataset_id": ""})
    assert set(found) == {"rank", "learning_rate", "dataset_id", "base_model_id"}


def test_every_fault_against_the_model_is_told_at_once(workplace: Workplace) -> None:
    wrong = {"max_length": 129, "rank": 33, "target_modules": ["qproj", "c_attn", "o_proj"]}
    values = given(workplace.data(), workplace.model(), **wrong)
    planned = plans.plan(workplace.studio, ME, values)
    assert [fault.field for fault in planned.faults] == [
        "max_length", "rank", "target_modules", "target_modules",
    ]  # fmt: skip
    length, rank, first, second = (fault.message for fault in planned.faults)
    assert "no part called qproj. Did you mean q_proj" in first
    assert "c_attn" in second
    assert "Did you mean" not in second
    assert "It has: " in second
    assert all(name in second for name in ("q_proj", "k_proj", "gate_proj", "down_proj"))
    assert "128 tokens" in length
    assert "32" in rank


def test_a_spec_at_the_limits_of_the_model_is_accepted(workplace: Workplace) -> None:
    run = started(workplace, max_length=128, rank=32, target_modules=["q_proj", "down_proj"])
    assert run.spec.target_modules == ("q_proj", "down_proj")


def test_data_that_could_not_be_read_is_refused_with_its_reason(workplace: Workplace) -> None:
    data, model = workplace.data(b"\n\n"), workplace.model()
    assert data.error
    assert data.error in refusal(workplace, given(data, model))["dataset_id"]


def test_a_model_that_cannot_be_used_is_refused_with_its_reason(workplace: Workplace) -> None:
    data = workplace.data()
    added = base_models.add_folder(workplace.studio, ME, "/nowhere/at/all")
    workplace.work()
    model = base_models.get(workplace.studio, ME, added.id)
    assert model.status is WorkStatus.FAILED
    assert model.error
    assert model.error in refusal(workplace, given(data, model))["base_model_id"]


def test_one_example_is_too_few(workplace: Workplace) -> None:
    values = given(workplace.data(examples(1)), workplace.model())
    assert "holds one good example" in refusal(workplace, values)["dataset_id"]


@pytest.mark.parametrize("place", ["dataset_id", "base_model_id"])
def test_what_is_not_there_or_deleted_is_a_fault_of_its_field(
    workplace: Workplace, place: str
) -> None:
    data, model = workplace.data(), workplace.model()
    if place == "dataset_id":
        datasets.delete(workplace.studio, ME, data.id)
    else:
        base_models.delete(workplace.studio, ME, model.id)
    assert "There is no" in refusal(workplace, given(data, model))[place]
    assert "nothing_1" in refusal(workplace, given(data, model, **{place: "nothing_1"}))[place]


def test_a_chat_format_that_cannot_be_used_is_a_fault_of_its_field(workplace: Workplace) -> None:
    written = {"chat_template": "custom", "custom_template": "{% for m in messages %}\n{{ m.x.y }}"}
    values = given(workplace.data(), workplace.model(), **written)
    assert "Line 2 of the chat format" in refusal(workplace, values)["custom_template"]
    values["custom_template"] = "{% for m in messages %}{{ m.role + m.content }}{% endfor %}"
    assert runs.start(workplace.studio, ME, values).spec.chat_template == "custom"


def test_a_plan_knows_before_the_model_does_what_it_can(workplace: Workplace) -> None:
    data = datasets.receive(workplace.studio, ME, "new.jsonl", [examples(60)])
    model = base_models.add_starter(workplace.studio, ME)
    planned = plans.plan(workplace.studio, ME, given(data, model, batch_size=2, accumulation=3))
    assert planned.faults == []
    assert planned.effective_batch == 6
    assert (planned.steps, planned.tokens, planned.seconds, planned.memory_bytes) == (None,) * 4
    planned = plans.plan(workplace.studio, ME, given(data, model, max_steps=7))
    assert planned.steps == 7


def test_planning_changes_nothing(workplace: Workplace) -> None:
    values = given(workplace.data(), workplace.model())
    before = workplace.rings()
    planned = plans.plan(workplace.studio, ME, values)
    assert planned.faults == []
    assert planned.steps
    assert planned.memory_bytes
    assert runs.listing(workplace.studio, ME) == []
    assert workplace.rings() == before


@pytest.mark.parametrize("name", ["quick", "balanced", "quality"])
def test_a_preset_starts_as_it_is_on_a_tiny_model(workplace: Workplace, name: str) -> None:
    data, model = workplace.data(), workplace.model()
    spec = plans.preset(workplace.studio, ME, name, Places(data.id, model.id))
    assert (spec.preset, spec.name) == (name, f"{data.name} on {model.name}")
    assert plans.plan(workplace.studio, ME, spec.model_dump(mode="json")).faults == []


def test_a_preset_that_there_is_not_is_refused_by_its_field(workplace: Workplace) -> None:
    data, model = workplace.data(), workplace.model()
    with pytest.raises(Refused) as refused:
        plans.preset(workplace.studio, ME, "thorough", Places(data.id, model.id))
    assert [fault.field for fault in refused.value.faults] == ["preset"]


# In the queue.


def test_start_puts_the_run_at_the_end_of_the_queue_and_rings(workplace: Workplace) -> None:
    data, model = workplace.data(), workplace.model()
    rung = workplace.rings()
    first, second = (
        runs.start(workplace.studio, ME, given(data, model, name=name)) for name in ("a", "b")
    )
    assert [run.id for run in runs.queue(workplace.studio, ME)] == [first.id, second.id]
    assert [run.id for run in runs.listing(workplace.studio, ME)] == [second.id, first.id]
    assert workplace.rings() == rung + 2


def test_a_waiting_run_stops_at_once_and_goes_on_at_the_end(workplace: Workplace) -> None:
    run = started(workplace)
    other = runs.start(workplace.studio, ME, run.spec.model_dump())
    assert runs.stop(workplace.studio, ME, run.id).status is RunStatus.STOPPED
    rung = workplace.rings()
    assert runs.resume(workplace.studio, ME, run.id).status is RunStatus.QUEUED
    assert workplace.rings() == rung + 1
    assert [one.id for one in runs.queue(workplace.studio, ME)] == [other.id, run.id]


def test_a_discarded_run_is_over(workplace: Workplace) -> None:
    run = started(workplace)
    assert runs.discard(workplace.studio, ME, run.id).status is RunStatus.DISCARDED
    for act in (runs.stop, runs.resume, runs.discard):
        with pytest.raises(StudioError, match="discarded"):
            act(workplace.studio, ME, run.id)


def test_a_stopped_run_can_still_be_discarded(workplace: Workplace) -> None:
    run = started(workplace)
    runs.stop(workplace.studio, ME, run.id)
    saved = checkpoints.folder_of(workplace.studio.artifacts.run(run.id))
    (saved / checkpoints.name_of(3, 1)).mkdir(parents=True)
    assert runs.discard(workplace.studio, ME, run.id).status is RunStatus.DISCARDED
    assert not saved.exists(), "what it had saved is thrown away with it"


def test_a_run_under_way_is_asked_to_stop_and_goes_on_until_it_does(workplace: Workplace) -> None:
    run = started(workplace)
    attempts.claim(workplace.studio.database, "test", 60)
    asked = runs.stop(workplace.studio, ME, run.id)
    assert (asked.status, asked.stop_request) == (RunStatus.STARTING, "keep")
    with pytest.raises(StudioError, match="nothing to resume"):
        runs.resume(workplace.studio, ME, run.id)
    assert [one["attempt"] for one in runs.attempts(workplace.studio, ME, run.id)] == [1]


def test_a_waiting_run_that_is_deleted_never_starts_and_comes_back_stopped(
    workplace: Workplace,
) -> None:
    run = started(workplace)
    runs.delete(workplace.studio, ME, run.id)
    assert runs.queue(workplace.studio, ME) == []
    assert attempts.claim(workplace.studio.database, "test", 60) is None
    runs.restore(workplace.studio, ME, run.id)
    assert runs.get(workplace.studio, ME, run.id).status is RunStatus.STOPPED


def test_a_run_under_way_that_is_deleted_is_asked_to_stop(workplace: Workplace) -> None:
    run = started(workplace)
    claimed = attempts.claim(workplace.studio.database, "test", 60)
    assert claimed
    runs.delete(workplace.studio, ME, run.id)
    with pytest.raises(NotFound):
        runs.get(workplace.studio, ME, run.id)
    asked = attempts.heartbeat(workplace.studio.database, run.id, claimed.attempt, 60)
    assert asked == "keep"


def test_a_copy_has_every_setting_but_the_name(workplace: Workplace) -> None:
    run = started(workplace, rank=7, seed=9, name="n" * 120)
    copied = runs.duplicate(workplace.studio, ME, run.id)
    assert copied.name.startswith("Copy of n")
    assert len(copied.name) == 120
    assert copied.model_copy(update={"name": run.name}) == run.spec
    again = runs.start(workplace.studio, ME, copied.model_dump(mode="json"))
    assert again.id != run.id
    assert again.spec == copied


def test_a_run_stores_the_spec_as_it_was_parsed(workplace: Workplace) -> None:
    run = started(workplace, learning_rate="2e-3", target_modules=["q_proj"])
    assert runs.get(workplace.studio, ME, run.id).spec == RunSpec(
        **{**run.spec.model_dump(), "learning_rate": 0.002}
    )


# Its log.


def test_a_log_is_read_on_from_where_the_last_piece_ended(workplace: Workplace) -> None:
    run = started(workplace)
    assert runs.log(workplace.studio, ME, run.id) == runs.Log("", 0)
    path = workplace.studio.artifacts.log_file(run.id)
    path.parent.mkdir(parents=True)
    path.write_text("erste Zeile: Fieber ≥ 38 °C\n", "utf-8")
    first = runs.log(workplace.studio, ME, run.id)
    with path.open("a", encoding="utf-8") as log:
        log.write("zweite Zeile ☾\n")
    second = runs.log(workplace.studio, ME, run.id, first.offset)
    assert (first.text, second.text) == ("erste Zeile: Fieber ≥ 38 °C\n", "zweite Zeile ☾\n")
    assert second.offset == path.stat().st_size
    assert runs.log(workplace.studio, ME, run.id, second.offset).text == ""


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7])
def test_pieces_of_a_log_join_to_the_whole_whatever_they_cut(
    workplace: Workplace, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(workplace)
    whole = "a☾é🩺b\nfièvre ≥ 38\n" * 3
    path = workplace.studio.artifacts.log_file(run.id)
    path.parent.mkdir(parents=True)
    path.write_text(whole, "utf-8")
    monkeypatch.setattr(runs, "LOG_BYTES", max(block, 4))
    pieces, offset = [], 0
    while offset < path.stat().st_size:
        piece = runs.log(workplace.studio, ME, run.id, offset)
        assert piece.offset > offset
        pieces.append(piece.text)
        offset = piece.offset
    assert "".join(pieces) == whole


def test_a_half_written_character_waits_for_its_other_half(workplace: Workplace) -> None:
    run = started(workplace)
    path = workplace.studio.artifacts.log_file(run.id)
    path.parent.mkdir(parents=True)
    moon = "☾".encode()
    path.write_bytes(b"a" + moon[:2])
    first = runs.log(workplace.studio, ME, run.id, 0)
    assert (first.text, first.offset) == ("a", 1)
    path.write_bytes(b"a" + moon)
    assert runs.log(workplace.studio, ME, run.id, first.offset) == runs.Log("☾", 4)


def test_of_a_long_log_the_end_is_shown_from_a_whole_character_on(workplace: Workplace) -> None:
    run = started(workplace)
    path = workplace.studio.artifacts.log_file(run.id)
    path.parent.mkdir(parents=True)
    path.write_text("☾" * 100_000, "utf-8")
    shown = runs.log(workplace.studio, ME, run.id)
    assert set(shown.text) == {"☾"}
    assert runs.LOG_BYTES - 3 <= len(shown.text.encode()) <= runs.LOG_BYTES
    assert shown.offset == 300_000


@pytest.mark.parametrize("offset", [-5, 10**12])
def test_an_offset_outside_the_log_is_brought_inside(workplace: Workplace, offset: int) -> None:
    run = started(workplace)
    path = workplace.studio.artifacts.log_file(run.id)
    path.parent.mkdir(parents=True)
    path.write_text("some words\n", "utf-8")
    found = runs.log(workplace.studio, ME, run.id, offset)
    assert found.text == ("some words\n" if offset < 0 else "")
    assert found.offset == 11


def test_bytes_that_are_no_text_do_not_stop_the_log(workplace: Workplace) -> None:
    run = started(workplace)
    path = workplace.studio.artifacts.log_file(run.id)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"one\xff\xfetwo\n")
    assert runs.log(workplace.studio, ME, run.id, 0) == runs.Log("one��two\n", 9)


def test_tokens_are_counted_unasked_where_that_takes_seconds_and_the_model_is_ready(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, model = workplace.data(), workplace.model()
    places = Places(data.id, model.id)

    def asked() -> bool:
        known = stored_analyses.latest(
            workplace.studio.database, ME, data.id, Kind.TOKENS, {"response_only": True}, model.id
        )
        return known is not None

    with monkeypatch.context() as patched:
        patched.setattr(plans, "MOST_CHARACTERS", 10)
        plans.count_tokens(workplace.studio, ME, places)
    plans.count_tokens(workplace.studio, ME, Places(data.id, "model_000000000000"))
    assert not asked()
    plans.count_tokens(workplace.studio, ME, places)
    assert asked()
