"""What all tests share: a test that a missing tool leaves out says so, and fails where asked."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

NEEDS = "needs "
"""A skip whose reason starts like this is for want of a tool, such as "needs chromium"."""

REQUIRED = bool(os.environ.get("STUDIO_REQUIRE_TOOLS"))  # noqa: TID251  (asked of the tests alone)

left_out: dict[str, str] = {}
"""Tests that were skipped for want of a tool, and why."""


Report = pytest.TestReport | pytest.CollectReport


TOGETHER = {
    "tests/journeys/test_data_": "journeys about data",
    "tests/journeys/test_play_": "journeys about models that are there",
    "tests/journeys/test_run_": "journeys about models that are there",
    "tests/journeys/test_train_": "journeys about models that are there",
    "tests/journeys/test_trust_": "journeys about models that are there",
    "tests/journeys/": "journeys",
    "tests/faults/": "faults",
}
"""Which tests share what takes long to make, such as a studio: one process runs them all."""


LONG_ONES = (
    "tests/worker/training/test_matrix.py",
    "tests/worker/training/families/test_trainings.py",
    "tests/worker/training/distributed/test_trainings.py",
    "tests/worker/test_answering.py",
    "tests/worker/datasets/test_quick.py",
    "tests/worker/datasets/test_any_bytes.py",
    "tests/worker/training/test_probes.py",
    "tests/worker/training/test_resume.py",
    "tests/worker/training/test_preference.py",
    "tests/studio/test_up.py",
    "tests/studio/test_cli.py",
)
"""Files that take long, however few tests they have; begun last, the others would wait for them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long files come first."""
    place = {name: number for number, name in enumerate(LONG_ONES)}
    items.sort(key=lambda item: place.get(item.nodeid.split("::")[0], len(place)))


class Rooms(LoadScopeScheduling):
    """Hands out tests by the file, or by what they share."""

    def _split_scope(self, nodeid: str) -> str:
        return next(
            (room for start, room in TOGETHER.items() if nodeid.startswith(start)),
            nodeid.split("::")[0],
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Hand out tests so that what is shared is made once, in the order of the collection."""
    config.option.loadscopereorder = False
    return Rooms(config, log)


def pytest_collection_finish() -> None:
    """Keep what was imported out of later searches for rubbish.

    The trainer searches at the end of every training, and would look through all libraries.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[pytest.TestReport]:
    """Look at every test's report."""
    report = yield
    return _judged(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[pytest.CollectReport]:
    """Look at every file's report: a whole file may be skipped."""
    report = yield
    return _judged(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was left out."""
    if left_out:
        terminalreporter.section("LEFT OUT FOR WANT OF A TOOL", sep="!", red=True, bold=True)
        for test, reason in left_out.items():
            terminalreporter.write_line(f"{test}: {reason}")


def _judged(report: Report) -> Report:
    """Note what a missing tool has left out; where tools are required that is a failure."""
    reason = _reason(report)
    if reason.startswith(NEEDS):
        left_out[report.nodeid] = reason
        if REQUIRED:
            report.outcome = "failed"
            report.longrepr = f"left out, but every tool is required here: {reason}"
    return report


def _reason(report: Report) -> str:
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return ""
    return report.longrepr[2].removeprefix("Skipped: ")
