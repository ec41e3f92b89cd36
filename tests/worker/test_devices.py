"""The devices of a machine: one run each, seen by its child alone."""

import pytest

from tests.fakes.nvml import FakeNvml
from worker import devices
from worker.cards import Cards
from worker.devices import PROCESSOR, Machine, of_machine

NAMES = ["GPU-00aa", "GPU-01bb", "GPU-02cc"]


def machine(visible: str | None = None) -> Machine:
    """Return a machine with three cards."""
    return of_machine(visible, Cards(FakeNvml(NAMES)))


def test_each_card_is_a_device() -> None:
    assert machine().devices == ("0", "1", "2")


def test_without_cards_the_processor_is_the_one_device() -> None:
    here = of_machine(None, Cards(FakeNvml([])))
    assert here.devices == (PROCESSOR,)
    assert here.visible(PROCESSOR) is None
    assert here.read(PROCESSOR) == {}


def test_without_a_driver_there_are_no_cards() -> None:
    assert Cards(FakeNvml(None)).all == []


def test_the_real_library_answers_whether_there_are_cards_or_not() -> None:
    assert len(of_machine(None).devices) >= 1


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ("0", "1", "2")),
        ("2,0", ("2", "0")),
        ("GPU-01", ("1",)),
        ("0,GPU-02cc", ("0", "2")),
        ("1,7,0", ("1",)),
        ("0,0", ("0",)),
        ("", (PROCESSOR,)),
        ("-1", (PROCESSOR,)),
        ("GPU", (PROCESSOR,)),
    ],
)
def test_only_what_cuda_would_show_the_worker_is_given_to_runs(
    visible: str | None, names: tuple[str, ...]
) -> None:
    assert machine(visible).devices == names


def test_a_run_sees_the_cards_it_holds_by_their_own_names() -> None:
    assert machine().visible("1") == "GPU-01bb"
    assert machine().visible("0,2") == "GPU-00aa,GPU-02cc"
    assert machine().visible(None) is None


def test_a_card_is_read_with_what_it_tells() -> None:
    nvml = FakeNvml(NAMES)
    here = of_machine(None, Cards(nvml))
    [(name, reading)] = here.read("1").items()
    assert name == "1"
    assert (reading.memory, reading.memory_total) == (3 * 10**9, 24 * 10**9)
    assert (reading.use, reading.temperature, reading.power) == (87.0, 61.0, 212.5)
    assert reading.energy == 1000.0


def test_what_a_card_does_not_tell_is_left_open_and_one_that_is_gone_is_left_out() -> None:
    nvml = FakeNvml(NAMES, silent={"nvmlDeviceGetTotalEnergyConsumption"})
    here = of_machine(None, Cards(nvml))
    assert here.read("0")["0"].energy is None
    nvml.silent.add("nvmlDeviceGetMemoryInfo")
    assert here.read("0") == {}


def test_the_processor_has_a_name_that_no_card_has() -> None:
    assert devices.PROCESSOR not in machine().devices
