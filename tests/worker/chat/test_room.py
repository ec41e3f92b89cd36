"""The chat gives way to a run that needs the memory, says so, and comes back."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from storage import attempts, leases, metrics, runs, telemetry
from storage.status import RunStatus
from storage.tables import BaseModelRow, RunRow
from storage.telemetry import Sample
from tests.worker.chat.conftest import Family
from tests.worker.chat.test_engine import eventually
from tests.worker.conftest import Home
from worker.chat import base, protocol, room
from worker.chat.engine import Engine, Limits, text_of
from worker.chat.exchange import Event, NoRoom
from worker.chat.room import RESERVE, Alone, Shared
from worker.chat.sampling import Sampling
from worker.devices import PROCESSOR

GIGA = 10**9


class Memory:
    """A machine with so many bytes free."""

    def __init__(self, free: float) -> None:
        self.free = free

    def __call__(self) -> int:
        return int(self.free)


def training(home: Home, device: str = PROCESSOR, **changes: Any) -> runs.Run:
    """Return a run that a worker of this machine is at."""
    home.queued()
    run = attempts.claim(home.database, leases.worker_name(), 30, [device])
    assert run is not None
    attempts.begin(home.database, run.id, run.attempt)
    with home.database.write() as session:
        row = session.get_one(RunRow, run.id)
        for name, value in changes.items():
            setattr(row, name, value)
    return run


def shared(home: Home, memory: Memory, device: str = PROCESSOR) -> Shared:
    """Return the room of a chat on that machine, which looks at once."""
    return Shared(home.database, device, memory, every=0)


class TestShort:
    """Whether a resident model should go."""

    def test_without_a_run_nobody_needs_the_memory(self, home: Home) -> None:
        home.queued()
        assert not shared(home, Memory(0)).is_short()

    def test_a_run_that_fits_beside_it_does_not_disturb_it(self, home: Home) -> None:
        training(home, planned_bytes=2 * GIGA)
        assert not shared(home, Memory(2 * GIGA + RESERVE)).is_short()
        assert shared(home, Memory(2 * GIGA + RESERVE - 1)).is_short()

    def test_what_the_run_has_taken_already_is_not_expected_again(self, home: Home) -> None:
        run = training(home, planned_bytes=2 * GIGA)
        here = shared(home, Memory(GIGA + RESERVE))
        assert here.is_short()
        sample = Sample(time.time(), {"memory": GIGA})
        telemetry.add(home.database, run.id, run.attempt, sample)
        assert not here.is_short()

    def test_when_the_run_has_ended_there_is_room_again(self, home: Home) -> None:
        run = training(home, planned_bytes=2 * GIGA)
        here = shared(home, Memory(GIGA))
        assert here.is_short()
        attempts.end(home.database, run.id, run.attempt, RunStatus.FINISHED, "Done.")
        assert not here.is_short()

    def test_a_run_on_another_card_is_not_in_the_way(self, home: Home) -> None:
        training(home, "1", planned_bytes=2 * GIGA)
        assert not shared(home, Memory(GIGA), "0").is_short()
        assert shared(home, Memory(GIGA), "1").is_short()

    def test_a_run_on_another_machine_is_not_in_the_way(self, home: Home) -> None:
        training(home, planned_bytes=2 * GIGA, worker="elsewhere:1:1.00")
        assert not shared(home, Memory(GIGA)).is_short()

    def test_on_a_card_a_run_has_what_it_needs_once_its_steps_have_begun(self, home: Home) -> None:
        run = training(home, "0", planned_bytes=2 * GIGA)
        here = shared(home, Memory(GIGA), "0")
        assert here.is_short()
        metrics.report(home.database, run.id, run.attempt, [], step=1)
        assert not here.is_short()

    def test_without_a_plan_the_base_model_tells(self, home: Home) -> None:
        run = training(home)
        with home.database.write() as session:
            session.get_one(BaseModelRow, run.base_model_id).facts = {"parameters": 10**9}
        assert shared(home, Memory(5 * GIGA)).is_short()  # 4 bytes a weight alone are 4 GB
        assert not shared(home, Memory(8 * GIGA)).is_short()


class TestRequire:
    """Whether a model may be loaded."""

    def test_it_is_refused_beside_a_run_with_the_figures_and_the_way_on(
        self, home: Home, llama: Family
    ) -> None:
        needs = room.OVERHEAD * base.bytes_of(llama.base)
        training(home, planned_bytes=GIGA, step=10, total_steps=40, seconds=100.0)
        enough = Memory(GIGA + RESERVE + needs + 1)
        shared(home, enough).require(llama.contestant())
        with pytest.raises(NoRoom) as refused:
            shared(home, Memory(enough.free - 2)).require(llama.contestant())
        assert 'The run "New run" is training' in refused.value.message
        assert re.search(r"takes about [\d.]+ kB, and [\d.]+ kB are left", refused.value.message)
        assert refused.value.hint == "Ask again when it has ended, in about 5 min, or stop the run."
        body = protocol.fault_of(refused.value).body["error"]
        assert (body["code"], body["type"]) == ("no_room", "server_error")

    def test_without_a_run_anything_may_be_tried(self, home: Home, llama: Family) -> None:
        shared(home, Memory(0)).require(llama.contestant())


def test_what_a_model_takes_is_counted_in_the_format_it_is_loaded_in(llama: Family) -> None:
    model = base.load(llama.base).model
    there = sum(each.numel() * each.element_size() for each in model.parameters())
    assert base.bytes_of(llama.base) == there


class Switch(Alone):
    """A room that a test makes short."""

    short = False

    def is_short(self) -> bool:
        return self.short


@pytest.fixture
def engine() -> Any:
    """Return a maker of engines; they are closed in the end."""
    made: list[Engine] = []

    def make(limits: Limits | None = None, place: Any = None) -> Engine:
        made.append(Engine(limits, place))
        return made[-1]

    yield make
    for each in made:
        each.close()


def answer(engine: Engine, llama: Family) -> str:
    """Return what the base model says."""
    asked = engine.answer(
        llama.contestant(), llama.prompt("Drink"), Sampling(max_tokens=4, temperature=0.0)
    )
    return text_of(asked)


def test_an_idle_model_gives_way_to_a_run_and_is_loaded_again(
    engine: Callable[..., Engine], llama: Family
) -> None:
    place = Switch()
    chat = engine(place=place)
    first = answer(chat, llama)
    assert chat.resident == llama.base
    place.short = True
    eventually(lambda: chat.resident is None)
    place.short = False
    assert answer(chat, llama) == first


def test_answers_under_way_end_and_what_waits_is_refused_then(
    engine: Callable[..., Engine], llama: Family, home: Home
) -> None:
    memory = Memory(10 * GIGA)
    chat = engine(place=shared(home, memory))
    events: list[Event] = []
    long = Sampling(max_tokens=200, temperature=1.0, seed=1)
    under_way = chat.ask(llama.contestant(), llama.prompt("Drink"), long, events.append)
    eventually(lambda: len(events) > 2)
    training(home, planned_bytes=2 * GIGA)
    memory.free = GIGA
    with pytest.raises(NoRoom, match="is training"):
        answer(chat, llama)
    assert under_way.over
    assert events[-1].error is None
    eventually(lambda: chat.resident is None)


def test_a_model_that_nobody_talks_to_is_let_go(
    engine: Callable[..., Engine], llama: Family
) -> None:
    chat = engine(Limits(idle_seconds=1.2))
    answer(chat, llama)
    assert chat.resident == llama.base
    eventually(lambda: chat.resident is None)
    assert chat.shelved == []
