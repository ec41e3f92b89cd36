"""Where memory runs out in the middle of a batch, the others go on, and the rest comes later."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from storage.errors import StudioError
from tests.worker.chat.conftest import Family
from tests.worker.chat.test_engine import alone
from worker.chat import adapters, base
from worker.chat.adapters import Adapter
from worker.chat.base import Base
from worker.chat.batch import Batch
from worker.chat.exchange import Ending, Event, Piece, Ticket
from worker.chat.row_cache import GrowingLayer, RowCache
from worker.chat.sampling import Sampling

PROMPTS = ("Drink", "A fever is a body temperature", "Wash your hands often, and", "Rest", "user")
NAMES = ("plain", None, "wide", "dora", "plain")
LENGTH = 30


class Memory:
    """A device on which so many rows fit, in the middle of the model; None: any number."""

    def __init__(self, loaded: Base) -> None:
        self.rows: int | None = None
        self.refused = 0
        self.error: Callable[[], Exception] = lambda: torch.OutOfMemoryError("CUDA out of memory.")
        middle = loaded.model.model.layers[1].mlp
        self._hook = middle.register_forward_pre_hook(self._look)

    def _look(self, _module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        if self.rows is not None and inputs[0].shape[0] > self.rows:
            self.refused += 1
            raise self.error()


@pytest.fixture(scope="module")
def loaded(llama: Family) -> Base:
    return base.load(llama.base)


@pytest.fixture(scope="module")
def batch(loaded: Base) -> Batch:
    """The one over the model: it changes what the model's layers compute."""
    return Batch(loaded)


@pytest.fixture(scope="module")
def fitted(llama: Family, loaded: Base) -> dict[str | None, Adapter | None]:
    found = {name: adapters.load(llama.adapters[name], loaded.model) for name in NAMES if name}
    return {None: None, **found}


class Asked:
    """The questions of these tests in one batch."""

    def __init__(
        self,
        llama: Family,
        batch: Batch,
        fitted: dict[str | None, Adapter | None],
        sampling: Sampling,
    ) -> None:
        self.batch = batch
        self.heard: list[list[Event]] = [[] for _ in NAMES]
        self._rows = []
        for name, prompt, events in zip(NAMES, PROMPTS, self.heard, strict=True):
            ticket = Ticket(
                llama.contestant(name),
                llama.prompt(prompt),
                sampling,
                LENGTH,
                events.append,
                time.monotonic(),
            )
            self._rows.append(self.batch.row(ticket, fitted[name]))

    @torch.inference_mode()
    def admit(self) -> None:
        self.batch.admit(self._rows)

    @torch.inference_mode()
    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.batch.step()

    def finish(self) -> list[str]:
        """Writes on until all answers are over; raises where that never comes."""
        for _ in range(20 * LENGTH):
            if not self.batch.unfinished:
                return [text(events) for events in self.heard]
            self.step()
        raise AssertionError("the batch does not come to an end")


def text(events: list[Event]) -> str:
    ending = events[-1]
    assert isinstance(ending, Ending)
    if ending.error is not None:
        raise ending.error
    return "".join(event.text for event in events if isinstance(event, Piece))


GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def expected(llama: Family) -> list[str]:
    return [alone(llama, *asked, LENGTH) for asked in zip(NAMES, PROMPTS, strict=True)]


@pytest.fixture
def asked(
    llama: Family, batch: Batch, fitted: dict[str | None, Adapter | None]
) -> Iterator[Callable[[Sampling], Asked]]:
    yield lambda sampling: Asked(llama, batch, fitted, sampling)
    batch.end("cancelled")


@pytest.fixture
def memory(loaded: Base) -> Any:
    memory = Memory(loaded)
    yield memory
    memory._hook.remove()


def test_memory_that_runs_out_between_two_tokens_sets_the_youngest_aside(
    asked: Callable[[Sampling], Asked], memory: Memory, expected: list[str]
) -> None:
    told = asked(GREEDY)
    told.admit()
    told.step(5)
    memory.rows = 2
    told.step()
    assert [len(told.batch.rows), len(told.batch.aside)] == [2, 3]
    said = [len(events) for events in told.heard]
    told.step(5)
    assert [len(events) for events in told.heard][2:] == said[2:], "those wait"
    assert told.finish() == expected
    assert memory.refused == 1, "two fit, and one at a time comes back"


def test_memory_that_runs_out_while_prompts_are_read_lets_them_in_by_and_by(
    asked: Callable[[Sampling], Asked], memory: Memory, expected: list[str]
) -> None:
    told = asked(GREEDY)
    memory.rows = 2
    told.admit()
    assert memory.refused > 1
    assert all(len(row.said) == 1 for row in told.batch.rows), "each has its first token"
    assert told.finish() == expected


def test_drawn_answers_stay_the_same_too(
    asked: Callable[[Sampling], Asked], memory: Memory
) -> None:
    drawn = Sampling(temperature=1.2, top_p=0.95, repetition_penalty=1.1, seed=7)
    undisturbed = asked(drawn)
    undisturbed.admit()
    expected = undisturbed.finish()
    told = asked(drawn)
    told.admit()
    told.step(3)
    memory.rows = 1
    assert told.finish() == expected


def test_the_machines_own_memory_counts_as_well(
    asked: Callable[[Sampling], Asked], memory: Memory, expected: list[str]
) -> None:
    words = (
        "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 12 bytes"
    )
    memory.error = lambda: RuntimeError(words)
    told = asked(GREEDY)
    told.admit()
    memory.rows = 3
    assert told.finish() == expected


@pytest.mark.parametrize("what", ["hold", "update"])
def test_a_cache_that_is_left_half_changed_is_read_again(
    asked: Callable[[Sampling], Asked],
    memory: Memory,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    told = asked(GREEDY)
    told.admit()
    told.step(2)
    calls = []
    real = getattr(GrowingLayer, what)

    def fails_once(layer: GrowingLayer, *given: Any, **named: Any) -> Any:
        calls.append(layer)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(layer, *given, **named)

    memory.rows = 3  # some must leave, and come back beside the others
    monkeypatch.setattr(GrowingLayer, what, fails_once)
    assert told.finish() == expected
    assert len(calls) >= 2


def test_only_what_does_not_fit_alone_ends_with_words(
    asked: Callable[[Sampling], Asked], memory: Memory, expected: list[str]
) -> None:
    told = asked(GREEDY)
    told.admit()
    told.step(5)
    memory.rows = 0
    told.step(40)
    assert told.batch.unfinished == 0
    for events in told.heard:
        with pytest.raises(StudioError, match="not enough graphics memory for this answer"):
            text(events)
    memory.rows = None
    again = asked(GREEDY)
    again.admit()
    assert again.finish() == expected


def test_who_waits_aside_can_be_cancelled(
    asked: Callable[[Sampling], Asked], memory: Memory, expected: list[str]
) -> None:
    told = asked(GREEDY)
    told.admit()
    memory.rows = 2
    told.step()
    waiting = told.batch.aside[-1]
    waiting.ticket.cancel()
    told.batch.drop_cancelled()
    assert waiting not in told.batch.aside
    last = told.heard[-1][-1]
    assert isinstance(last, Ending)
    assert last.reason == "cancelled"
    while told.batch.unfinished:
        told.step()
    assert [text(events) for events in told.heard[:-1]] == expected[:-1]


def test_another_mistake_is_not_taken_for_a_lack_of_memory(
    asked: Callable[[Sampling], Asked], memory: Memory
) -> None:
    memory.error = lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    told = asked(GREEDY)
    told.admit()
    memory.rows = 2
    with pytest.raises(RuntimeError, match="mat1"):
        told.step()


def test_rows_that_read_the_same_are_read_once(
    llama: Family, batch: Batch, fitted: dict[str | None, Adapter | None]
) -> None:
    """As `n` answers to one question are, each with a seed of its own."""
    read: list[int] = []
    hook = batch.base.model.model.layers[0].register_forward_pre_hook(
        lambda _module, inputs: read.append(inputs[0].shape[0])
    )
    heard: list[list[Event]] = [[] for _ in range(4)]
    drawn = Sampling(temperature=1.0, seed=1)
    rows = []
    for name, seed, events in zip(
        ("plain", "plain", None, "plain"), (1, 2, 1, 1), heard, strict=True
    ):
        sampling = drawn.model_copy(update={"seed": seed})
        told = llama.contestant(name), llama.prompt(PROMPTS[1]), sampling, 12, events.append, 0.0
        rows.append(batch.row(Ticket(*told), fitted[name]))
    with torch.inference_mode():
        batch.admit(rows)
        hook.remove()
        while batch.unfinished:
            batch.step()
    assert read == [2]
    texts = [text(events) for events in heard]
    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_what_is_laid_in_the_cache_is_what_the_library_would_keep() -> None:
    torch.manual_seed(0)
    pieces = [torch.randn(2, 3, length, 4) for length in (5, 1, 70, 1)]
    cache = RowCache()
    for piece in pieces:
        keys, values = cache.update(piece, -piece, 0)
    assert torch.equal(keys, torch.cat(pieces, dim=2))
    assert torch.equal(values, -keys)
    cache.shorten(6)
    assert torch.equal(cache.layers[0].keys, torch.cat(pieces[:2], dim=2))
    keys, _ = cache.update(pieces[3], pieces[3], 0)
    assert torch.equal(keys, torch.cat([*pieces[:2], pieces[3]], dim=2))
    cache.select(torch.tensor([1]), spare=2)
    assert torch.equal(cache.layers[0].keys, keys[1:, :, 2:])
