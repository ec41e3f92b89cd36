"""A process of its own that turns conversations into token ids.

A chat template is a small program that came with somebody's model. It runs here, where it can be
killed when it loops and where it cannot take the server's memory. One question a line comes in on
standard input, one answer a line goes out on standard output, both JSON.
"""

import resource
import sys
from functools import lru_cache
from typing import Any, Final

import orjson
import psutil
from jinja2 import TemplateError
from transformers import AutoTokenizer

EXTRA_BYTES: Final = 512_000_000
"""Memory that one rendering may take on top of what the process has already."""

PLAIN_TEMPLATE: Final = (
    "{{ bos_token or '' }}"
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
"""For models that come without a template of their own."""


def main() -> None:
    """Answers until standard input is closed."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(orjson.dumps(_answered(orjson.loads(line))) + b"\n")
        sys.stdout.buffer.flush()


def _answered(question: dict[str, Any]) -> dict[str, Any]:
    try:
        tokenizer = _tokenizer(question["folder"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {"tokenizer_error": str(error)}
    if "messages" not in question:
        return {}
    try:
        return _rendered(tokenizer, question)
    except (
        TemplateError,
        ValueError,
        TypeError,
        ArithmeticError,
        MemoryError,
        LookupError,
    ) as error:
        return {"template_error": f"{type(error).__name__}: {error}"}
    finally:
        _limit(resource.RLIM_INFINITY)


def _rendered(tokenizer: Any, question: dict[str, Any]) -> dict[str, Any]:
    own = question["template"] or tokenizer.chat_template
    _limit(psutil.Process().memory_info().vms + EXTRA_BYTES)
    tokens = tokenizer.apply_chat_template(
        question["messages"],
        chat_template=own or PLAIN_TEMPLATE,
        add_generation_prompt=True,
        sanitize_control_tokens=True,
        return_dict=False,
    )
    return {"tokens": tokens, "plain": own is None}


def _limit(size: int) -> None:
    """Sets how many bytes of addresses the process may use, within what it was given."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    within = size if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_AS, (within, hard))


@lru_cache(maxsize=2)
def _tokenizer(folder: str) -> Any:
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


if __name__ == "__main__":
    main()
