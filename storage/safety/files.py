"""A profile as a YAML file: read with every mistake at once, by field and line; and written."""

from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from storage import wording
from storage.errors import Fault, Refused
from storage.safety.profile import FORMAT, Profile

LARGEST = 200_000
"""Characters of a file."""

_DEEPEST = 10
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str) -> Profile:
    """Return the profile that a file's text describes.

    Raises:
        Refused: with every mistake at once; the fields are paths such as `rules.2.pattern`, the
            words begin with the line.
    """
    if len(text) > LARGEST:
        raise _refused("file", None, f"A profile has at most {LARGEST:,} characters.")
    try:
        _require_plain(text)
        tree = yaml.compose(text, _Loader)
        values = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        lines = len(text.splitlines())
        line = min(error.problem_mark.line + 1, lines) if error.problem_mark else None
        raise _refused("file", line, f"This is not YAML: {error.problem}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise _refused("file", None, "This is not YAML.") from error
    return checked(values, tree)


def checked(values: object, tree: yaml.Node | None = None) -> Profile:
    """Return the profile of plain values; `tree`: of the file they come from, for the lines.

    Raises:
        Refused: with every mistake at once.
    """
    if not isinstance(values, dict):
        raise _refused("file", None, "A profile is a list of fields, such as name: My profile.")
    told = values.get("format")
    if isinstance(told, int) and told > FORMAT:
        words = f"This profile has format {told}; this studio reads {FORMAT} at most."
        raise _refused("format", _line(tree, ("format",)), words)
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        faults = [
            _fault(found["loc"], _line(tree, found["loc"]), wording.of(found))
            for found in error.errors(include_url=False)
        ]
        raise Refused(faults) from error


def written(profile: Profile) -> str:
    """Return the text of a file that reads as this profile; what is at its default is left out."""
    values = {"format": FORMAT, **_plain(profile)}
    dumped: str = yaml.dump(values, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=90)
    return f"# A safety profile of Tuning Studio.\n{dumped}"


def _require_plain(text: str) -> None:
    """Refuse references, which can stand for endless text, and what is nested without end.

    The library's reader calls itself for each level and would take the process down.
    """
    depth = 0
    for token in yaml.scan(text, _Loader):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _DEEPEST:
            raise _refused("file", token.start_mark.line + 1, "This is nested too deep.")
        if isinstance(token, yaml.AliasToken):
            words = "Write it out: a profile has no references (*name)."
            raise _refused("file", token.start_mark.line + 1, words)


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Readable.add_representer(str, _text)


def _plain(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json", exclude_defaults=True)


def _fault(place: tuple[str | int, ...], line: int | None, words: str) -> Fault:
    """Return a mistake; entries of lists are counted from 1, as people count."""
    steps = [str(step + 1) if isinstance(step, int) else step for step in place]
    return Fault(".".join(steps) or "profile", f"Line {line}: {words}" if line else words)


def _refused(field: str, line: int | None, words: str) -> Refused:
    return Refused([_fault((field,), line, words)])


def _line(tree: yaml.Node | None, place: tuple[str | int, ...]) -> int | None:
    """Return the line, from 1, of a field; of one that is missing, that of its part."""
    if tree is None:
        return None
    node, line = tree, tree.start_mark.line + 1
    for step in place:
        found = _inside(node, step)
        if found is None:
            break
        line, node = found
    return line


def _inside(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found = node.value[step]
        return found.start_mark.line + 1, found
    return None
