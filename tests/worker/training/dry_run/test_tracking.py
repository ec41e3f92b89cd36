"""The tracker counts what torch would hold, and holds none of it."""

import psutil
import torch

from worker.training.dry_run.tracking import Tracker

A_MILLION = 1_000_000


def test_bytes_count_as_long_as_something_refers_to_them() -> None:
    with Tracker() as tracker:
        tracker.begin("making")
        one = torch.zeros(A_MILLION)
        two = one + 1.0
        assert tracker.held == 8 * A_MILLION
        view = two[10:]
        del two
        assert tracker.held == 8 * A_MILLION  # the view keeps it
        del view
        assert tracker.held == 4 * A_MILLION
    assert tracker.peaks["making"] == 8 * A_MILLION


def test_a_hundred_gigabytes_take_none() -> None:
    before = psutil.Process().memory_info().rss
    with Tracker() as tracker:
        tracker.begin("making")
        huge = torch.empty(25_000_000_000)
        assert (huge * 2.0).sum().item() == 0.0
    assert tracker.peaks["making"] >= 200_000_000_000
    assert psutil.Process().memory_info().rss - before < 50_000_000


def test_masks_of_whole_numbers_are_looked_at_as_in_a_real_run() -> None:
    labels = torch.tensor([-100, -100, 5, 6, 7])
    with Tracker():
        hidden = torch.randn(5, 8)
        assert hidden[labels != -100].shape == (3, 8)


def test_each_phase_has_its_own_peak() -> None:
    with Tracker() as tracker:
        tracker.begin("large")
        one = torch.zeros(A_MILLION)
        del one
        tracker.begin("small")
        torch.zeros(10)
    assert tracker.peaks["large"] == 4 * A_MILLION
    assert tracker.peaks["small"] < 100


def test_gradients_are_counted_on_the_way_back() -> None:
    with Tracker() as tracker:
        weight = torch.nn.Parameter(torch.zeros(100, 100))
        given = torch.ones(100)
        loss = (given @ weight).sum()
        before = tracker.held
        loss.backward()
        assert weight.grad is not None
        assert tracker.held >= before + 4 * 100 * 100
