"""Known failures: an ordered table from what a library says to what the person can do about it."""

import re
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path

import structlog

from storage import checkpoints, volumes
from storage.errors import DiskFull, OutOfMemory, StudioError
from worker.endings import DISK_FULL, FAILED, OUT_OF_MEMORY, Ending
from worker.isolation import HEADER

log = structlog.get_logger()

_LOG_TAIL = 20_000  # bytes

NO_ROOM = 74
"""Exit code of a child that could not leave its ending on a full disk (EX_IOERR)."""


@dataclass(frozen=True)
class Known:
    """A failure that is known: the pattern that finds it, and the two sentences about it."""

    pattern: re.Pattern[str]
    message: str
    hint: str


@dataclass(frozen=True)
class Death:
    """A child that ended without a word.

    Attributes:
        reason: what happened, in words.
        known: why trying again as it is would not help; None: it may be tried again.
        out_of_memory: whether the system killed it because memory ran out.
    """

    reason: str
    known: Known | None = None
    out_of_memory: bool = False


def _known(pattern: str, message: str, hint: str) -> Known:
    return Known(re.compile(pattern, re.IGNORECASE | re.DOTALL), message, hint)


FULL = _known(
    r"No space left on device|Disk quota exceeded|database or disk is full"
    r"|inline_container.*unexpected pos|PytorchStreamWriter failed",
    "The disk is full.",
    "Free some space on the volume of the studio's folder, then resume or try again. "
    "What was saved before is untouched.",
)
"""A volume is full; said with figures where it is known which one."""

KNOWN: tuple[Known, ...] = (
    _known(
        r"CUDA out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED"
        r"|HIP out of memory",
        "The graphics card ran out of memory.",
        "Lower the batch size or the maximum length, load the base model in 4 bits, or switch on "
        "gradient checkpointing; then duplicate the run.",
    ),
    FULL,
    _known(
        r"^MemoryError|DefaultCPUAllocator|not enough memory|Cannot allocate memory"
        r"|std::bad_alloc",
        "The computer ran out of memory.",
        "Of a run: lower the batch size or the maximum length, choose a smaller base model, or "
        "load it in 4 bits, then duplicate it. Of data: close other programs, then try again.",
    ),
    _known(
        r"(loss|gradient|grad_norm)\w* (is|became|was) (nan|inf|not finite|not a number)"
        r"|^FloatingPointError|probability tensor contains either `inf`, `nan`",
        "The loss is no longer a number: the training went off the rails.",
        "Lower the learning speed to a tenth, then duplicate the run.",
    ),
    _known(
        r"GatedRepo|gated repo|awaiting a review|Access to model .* is restricted"
        r"|401 Client Error|403 Client Error",
        "The hub does not give this model to everybody.",
        "Accept its terms on its page at the hub, enter your token in the settings, and try again.",
    ),
    _known(
        r"bitsandbytes.*(not (installed|available|supported|found)|requires?|No package metadata)"
        r"|No package metadata.*bitsandbytes|Could not load.*libbitsandbytes",
        "Loading in 8 or 4 bits is not available on this machine.",
        "Set 'Shrink the base model' to none, then duplicate the run.",
    ),
    _known(
        r"^FileNotFoundError|^NotADirectoryError",
        "A file that is needed is not there any more.",
        "Look at the log for its name. If the base model lies in a folder of yours, put it back.",
    ),
    _known(
        r"^PermissionError",
        "The studio may not read or write a file that it needs.",
        "Look at the log for its name, and give the studio's user the right to it.",
    ),
)
"""The first pattern that is found in `Type: message` counts, so the order matters."""


def explain(error: BaseException, log_file: Path) -> Ending:
    """Return the ending of an attempt that raised: in the person's words where it is known.

    Everything else is a bug: it goes to the log with its traceback and an id to quote.
    """
    if isinstance(error, OutOfMemory):
        return Ending(FAILED, error.message, error.hint, found={OUT_OF_MEMORY: True})
    if isinstance(error, DiskFull):
        return Ending(FAILED, error.message, error.hint, found={DISK_FULL: True})
    if isinstance(error, StudioError):
        return Ending(FAILED, error.message, error.hint)
    found = known_in(f"{type(error).__name__}: {error}")
    if found is FULL:
        log.warning("disk_full", reason=repr(error))
        return explain(full(log_file.parent, error), log_file)
    error_id = secrets.token_hex(4)
    log.error("attempt_failed", error_id=error_id, exc_info=error)
    if found is not None:
        return Ending(FAILED, found.message, found.hint)
    message = f"Something unexpected went wrong (error {error_id})."
    return Ending(FAILED, message, f"The log says more: {log_file}", error_id)


def of_exit(code: int, log_file: Path, *, killed_for_memory: bool = False) -> Death:
    """Return what a child died of that left no ending.

    Args:
        code: its exit code; the negative number of the signal that ended it.
        log_file: its log; what this attempt wrote last may name the cause.
        killed_for_memory: whether the system has killed a process for its memory meanwhile.
    """
    if code == -signal.SIGKILL and killed_for_memory:
        return Death("the system killed the process, as memory ran out", out_of_memory=True)
    if code == -signal.SIGKILL:
        return Death("the system killed the process, most often because memory ran out (signal 9)")
    if code == NO_ROOM:
        return Death("there was no room on the disk for its last words", FULL)
    if code < 0:
        return Death(f"the process crashed ({signal.Signals(-code).name}, signal {-code})")
    known = next((found for line in last_lines(log_file) if (found := known_in(line))), None)
    return Death(f"the process ended by itself (exit code {code})", known)


def full(folder: Path, error: BaseException | None = None) -> DiskFull:
    """Return the words for a volume that is full, with figures.

    Args:
        folder: of the run or the work; what is needed is a run's last checkpoint's size.
        error: what was raised; where it names a file, that file's volume is meant.
    """
    named = getattr(error, "filename", None)
    newest = next(iter(checkpoints.newest_first(folder)), None)
    place = Path(named) if isinstance(named, str) and named.startswith("/") else folder
    return volumes.full(place, newest.bytes if newest else None)


def known_in(text: str) -> Known | None:
    """Return the known failure that a text speaks of; None where there is none."""
    return next((known for known in KNOWN if known.pattern.search(text)), None)


def last_lines(log_file: Path) -> list[str]:
    """Return what the latest attempt wrote to a log, the last line first."""
    if not log_file.is_file():
        return []
    with log_file.open("rb") as file:
        file.seek(max(log_file.stat().st_size - _LOG_TAIL, 0))
        text = file.read().decode(errors="replace")
    return text.rsplit(HEADER, 1)[-1].splitlines()[::-1]
