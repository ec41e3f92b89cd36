"""Known failures are told in words; everything else gets an id and a traceback in the log."""

import errno
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from storage.errors import StudioError
from worker import failures, isolation

LOG = Path("log.txt")


class OutOfMemoryError(RuntimeError):
    """Stands in for torch's, whose name and words it has."""


class GatedRepoError(Exception):
    """Stands in for the hub's, whose name it has."""


TORCH_DISK_FULL = (
    "[enforce fail at inline_container.cc:672] . unexpected pos 7040 vs 6932"  # no word of a disk
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB."), "graphics card"),
        (MemoryError(), "computer ran out of memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 b"),
            "computer ran out of memory",
        ),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x"), "disk is full"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "x"), "disk is full"),
        (RuntimeError(TORCH_DISK_FULL), "disk is full"),
        (FloatingPointError("overflow"), "no longer a number"),
        (GatedRepoError("You must be authenticated"), "does not give this model"),
        (ImportError("bitsandbytes is not installed"), "8 or 4 bits"),
        (FileNotFoundError(errno.ENOENT, "No such file", "model.safetensors"), "not there"),
        (PermissionError(errno.EACCES, "Permission denied", "model.safetensors"), "may not read"),
    ],
)
def test_a_known_failure_is_told_in_words_with_a_way_on(error: Exception, words: str) -> None:
    with capture_logs():
        ending = failures.explain(error, LOG)
    assert ending.status == "failed"
    assert words in ending.words
    assert ending.hint
    assert ending.error_id is None


def test_an_error_meant_for_the_person_is_passed_on_as_it_is() -> None:
    ending = failures.explain(StudioError("The file is empty.", "Choose another."), LOG)
    assert (ending.words, ending.hint, ending.error_id) == (
        "The file is empty.",
        "Choose another.",
        None,
    )


def test_what_nobody_foresaw_gets_an_id_that_leads_to_the_traceback() -> None:
    error = KeyError("labels")
    with capture_logs() as logged:
        ending = failures.explain(error, LOG)
    assert ending.error_id is not None
    assert ending.error_id in ending.words
    assert "labels" not in ending.words
    assert str(LOG) in ending.hint
    assert logged[0]["error_id"] == ending.error_id
    assert logged[0]["exc_info"] is error


def test_two_of_them_have_two_ids() -> None:
    with capture_logs():
        ids = {failures.explain(KeyError(), LOG).error_id for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("code", "words"), [(-9, "memory ran out"), (-11, "SIGSEGV"), (-7, "SIGBUS"), (1, "code 1")]
)
def test_a_death_without_a_word_is_named_and_may_be_tried_again(code: int, words: str) -> None:
    death = failures.of_exit(code, LOG)
    assert words in death.reason
    assert death.known is None


def test_the_last_words_of_this_attempt_tell_what_it_died_of(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"{isolation.HEADER}1\nOSError: [Errno 28] No space left on device\nbye\n")
    known = failures.of_exit(1, log).known
    assert known is not None
    assert "disk" in known.message

    with log.open("a") as file:
        file.write(f"{isolation.HEADER}2\nall is well\n")
    assert failures.of_exit(1, log).known is None
