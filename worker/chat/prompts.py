"""Conversations become prompts, in a process that can be killed when a chat template runs away."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from storage.errors import StudioError
from worker.chat.catalogue import Contestant

START_SECONDS: Final = 120.0
RENDER_SECONDS: Final = 5.0
TEMPLATE_NAME: Final = "chat_template.jinja"
_HOUSE: Final = Path(__file__).resolve().parents[2]

Message = dict[str, str]
Source = Literal["adapter", "model", "plain"]


class TemplateFailed(StudioError):
    """The chat template could not make a prompt of this conversation."""


@dataclass(frozen=True)
class Prompt:
    """A rendered conversation.

    Attributes:
        tokens: ids of the base model's tokenizer, up to where the answer begins.
        template: whose template it was; "plain" is `role: text`, for models that have none.
    """

    tokens: list[int]
    template: Source


class Prompts:
    """Renders conversations in one child process, started on first use and after every kill."""

    def __init__(self, seconds: float = RENDER_SECONDS) -> None:
        """`seconds` is what one conversation may take."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._ready: set[Path] = set()

    def render(self, contestant: Contestant, messages: Sequence[Message]) -> Prompt:
        """The prompt for `contestant`; an adapter's own template goes before the base model's.

        Control tokens that a person typed are encoded as ordinary text.

        Raises:
            TemplateFailed: the template refused the conversation, failed, or took too long.
            StudioError: the base model has no usable tokenizer.
        """
        template = _adapter_template(contestant)
        question = {"messages": list(messages), "template": template}
        with self._lock:
            self._prepare(contestant.tokenizer_folder)
            answer = self._asked(contestant, question, self._seconds)
        if "template_error" in answer:
            raise TemplateFailed(
                f'The chat template of "{contestant.title}" failed: {answer["template_error"]}',
                "Some templates allow no system prompt, or want the roles to alternate.",
            )
        source: Source = "plain" if answer["plain"] else "adapter" if template else "model"
        return Prompt(answer["tokens"], source)

    def warm(self) -> None:
        """Starts the child now, so that the first conversation need not wait for it."""
        with self._lock:
            self._started()

    def close(self) -> None:
        """Ends the child."""
        with self._lock:
            self._kill()

    def _prepare(self, folder: Path) -> None:
        """Has the tokenizer loaded, which may take longer than a conversation may."""
        if folder in self._ready and self._child is not None and self._child.poll() is None:
            return
        answer = self._exchange({"folder": str(folder)}, START_SECONDS)
        if answer is None or "tokenizer_error" in answer:
            reason = "it could not be read" if answer is None else answer["tokenizer_error"]
            raise StudioError(
                f'The base model "{folder.name}" has no usable tokenizer: {reason}',
                "Add the model again.",
            )
        self._ready.add(folder)

    def _asked(
        self, contestant: Contestant, question: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        told = {"folder": str(contestant.tokenizer_folder), **question}
        answer = self._exchange(told, seconds)
        if answer is None:
            raise TemplateFailed(
                f'The chat template of "{contestant.title}" took more than {seconds:g} seconds '
                "or more memory than it may.",
                "The template is broken; choose another model.",
            )
        return answer

    def _exchange(self, question: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """The child's answer; None when it died or had to be killed."""
        child = self._started()
        assert child.stdin is not None
        try:
            child.stdin.write(orjson.dumps(question) + b"\n")
            child.stdin.flush()
            line = _line(child, time.monotonic() + seconds)
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            self._kill()
            return None
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._kill()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "worker.chat.renderer"],
                cwd=_HOUSE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the server, which then closes our input
            )
        return self._child

    def _kill(self) -> None:
        self._ready.clear()
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def _line(child: subprocess.Popen[bytes], deadline: float) -> bytes:
    """One line of the child's output, or what came of it by `deadline` (monotonic seconds)."""
    assert child.stdout is not None
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
            break
        part = os.read(child.stdout.fileno(), 1 << 16)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def _adapter_template(contestant: Contestant) -> str | None:
    folder = contestant.adapter_folder
    if folder is None or not (folder / TEMPLATE_NAME).is_file():
        return None
    return (folder / TEMPLATE_NAME).read_text(encoding="utf-8")
