"""The log of a process: one line an event, with its process's name, tracebacks without values."""

import logging
import sys

import structlog
from structlog.types import EventDict, Processor, WrappedLogger


def configure(process: str) -> None:
    """Let every event of this process, and the libraries' warnings, go to stderr under its name."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _named(process),
            # A traceback with the values of variables would write secrets into the log.
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


def _named(process: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "process": process}

    return add
