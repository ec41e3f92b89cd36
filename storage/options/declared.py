"""How a setting is declared: group, term, label, help, limits, and where it has an effect."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

Only = Mapping[str, tuple[object, ...]]
"""Names of other settings, each with the values with which a setting has an effect."""


def setting(
    default: Any,
    group: str,
    term: str,
    title: str,
    help_text: str,
    *,
    only: Only | None = None,
    **limits: Any,
) -> Any:
    """Declare a setting of a run.

    Args:
        default: its value where nobody says another; `...` where one must be given.
        group: of the form.
        term: the field's standard term.
        title: the plain label.
        help_text: one sentence for somebody who does not program.
        only: where it has an effect; everywhere where left out.
        **limits: as pydantic takes them.
    """
    extra: dict[str, Any] = {"group": group, "term": term}
    if only:
        extra["only"] = {name: list(values) for name, values in only.items()}
    return Field(default, title=title, description=help_text, json_schema_extra=extra, **limits)
