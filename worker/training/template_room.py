"""The room in which a chat template is tried: a child with limits on its time and its memory.

A template is a small program of somebody's. This process is started for one template, knows
nothing but Jinja's sandbox, and tells on standard output, as JSON, what came of it.
"""

import json
import resource
import signal
import sys
import traceback
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

SECONDS: Final = 2
BYTES: Final = 512_000_000
"""Of addresses, on top of what the process has before the template runs."""

LONGEST: Final = 1_000_000
"""Characters that a template may make of a few words."""

_OURS: Final = "<template>"  # the file name that Jinja gives a template in a traceback


class _Generation(Extension):
    """`{% generation %}`: marks an answer; here it only has a scope of its own."""

    tags = {"generation"}  # noqa: RUF012  (Jinja's own declaration)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class TooLong(Exception):
    """The time is over."""


def environment() -> ImmutableSandboxedEnvironment:
    """Return Jinja as the transformers library sets it up for chat templates."""
    found = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    found.filters["tojson"] = _tojson
    found.globals["raise_exception"] = _refuse
    found.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return found


def tried(question: dict[str, Any]) -> dict[str, Any]:
    """Render conversations with a template.

    Args:
        question: `template`; `given`, the special tokens by name; `conversations`.

    Returns:
        `texts`; or what went wrong: `fault` (syntax, undefined, forbidden, slow, large, refused or
        failed), `words` and `line` of the template (None where it cannot be told).
    """
    try:
        template = environment().from_string(question["template"])
        texts = []
        for turns in question["conversations"]:
            texts.append(_limited(template.generate(messages=turns, **question["given"])))
    except TemplateSyntaxError as error:
        return _fault("syntax", error, error.lineno)
    except (SecurityError, UndefinedError) as error:
        kind = "forbidden" if isinstance(error, SecurityError) else "undefined"
        return _fault(kind, error, _line(error))
    except TemplateError as error:
        return _fault("refused", error, _line(error))
    except (MemoryError, RecursionError) as error:
        return _fault("large", error, _line(error))
    except TooLong as error:
        return _fault("slow", error, _line(error))
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        return _fault("failed", error, _line(error))
    return {"texts": texts}


def main() -> None:
    """Answer the one question on standard input."""
    question = json.loads(sys.stdin.buffer.read())
    signal.signal(signal.SIGXCPU, _time_is_over)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + SECONDS
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    room = _addresses() + BYTES
    _limit(resource.RLIMIT_AS, room, room)
    sys.stdout.write(json.dumps(tried(question)))


def _limited(pieces: Any) -> str:
    parts, length = [], 0
    for piece in pieces:
        parts.append(piece)
        length += len(piece)
        if length > LONGEST:
            raise MemoryError(f"more than {LONGEST:,} characters")
    return "".join(parts)


def _fault(kind: str, error: Exception, line: int | None) -> dict[str, Any]:
    words = str(error).strip() or type(error).__name__
    return {"fault": kind, "words": words.splitlines()[0][:300], "line": line}


def _line(error: Exception) -> int | None:
    """The template's line that was under way; Jinja writes it into the traceback."""
    steps = traceback.extract_tb(error.__traceback__)
    return next((step.lineno for step in reversed(steps) if step.filename == _OURS), None)


def _time_is_over(_number: int, _frame: FrameType | None) -> None:
    raise TooLong(f"more than {SECONDS} seconds")


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a limit, within what the process was given."""
    given = resource.getrlimit(kind)[1]
    if given != resource.RLIM_INFINITY:
        soft, hard = min(soft, given), min(hard, given)
    resource.setrlimit(kind, (soft, hard))


def _addresses() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _refuse(words: str) -> None:
    raise TemplateError(words)


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


if __name__ == "__main__":
    main()
