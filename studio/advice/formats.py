"""Whether a chat format that somebody has written can be read; the run tries it as it begins."""

from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser


class _Generation(Extension):
    """The marks around what is learned, as the transformers library knows them."""

    tags = {"generation"}  # noqa: RUF012  (the library's own attribute)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Read what stands between the marks."""
        next(parser.stream)
        found: list[Any] = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return found


_READER = Environment(extensions=[_Generation, "jinja2.ext.loopcontrols"], autoescape=False)


def fault(template: str) -> str:
    """Return what is wrong with a template's writing, and in which line; empty where it is sound.

    Nothing of it is run.
    """
    try:
        _READER.parse(template)
    except TemplateSyntaxError as error:
        return f"Line {error.lineno} is not right: {error.message}. Correct it, or choose another."
    except RecursionError:
        return "It is nested too deeply. Correct it, or choose another."
    return ""
