"""Draws one widget for each setting that `RunSpec` declares; the declaration is the only source."""

import types
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr
from gradio.components import Component

from storage import specs
from studio.words import catalogue

PICKED = ("dataset_id", "base_model_id")
"""These are chosen from lists that the page fills."""

LISTED = (*PICKED, "teacher_model_id", "start_from")
"""These too; nobody has to choose a teacher, or what to go on from."""

CHOICES = ("preset", "method")
"""The first questions show all their answers at once."""

WRITTEN = ("custom_template",)
"""Text of several lines."""

LINES = ("probe_prompts",)
"""Several texts, one a line."""

TYPED = ("extra_tokens", *LINES, *WRITTEN)
"""Words of the person's own."""


def draw(name: str) -> Component:
    """Return the widget of a setting, with its plain label, the field's term, and help."""
    declared = specs.field(name)
    label, info = _label(name), declared.description
    kind = _without_none(declared.annotation)
    if name in LISTED:
        return gr.Dropdown([], label=declared.title, info=info, interactive=True)
    if name in LINES:
        return gr.Textbox("", label=label, info=info, lines=3, max_lines=10, elem_id=name)
    if get_origin(kind) is tuple:
        return _several(name, label, info)
    if get_origin(kind) is Literal:
        return _choice(name, label, info)
    if kind is bool:
        return gr.Checkbox(bool(declared.default), label=label, info=info)
    if kind in (int, float):
        return _number(declared.default, label, info, whole=kind is int)
    if name in WRITTEN:
        return gr.Textbox(declared.default, label=label, info=info, lines=6, max_lines=20)
    return gr.Textbox(
        declared.default, label=declared.title, info=info, max_length=120, max_lines=1
    )


def shown(name: str, value: Any) -> Any:
    """Return a setting's value as its widget shows it."""
    if name in LINES and value is not None and not isinstance(value, str):
        return "\n".join(" ".join(text.split()) for text in value)
    return value


def meant(name: str, value: Any) -> Any:
    """Return a setting's value, given as its widget shows it or as it is."""
    if name in LINES and (value is None or isinstance(value, str)):
        return [text.strip() for text in (value or "").splitlines() if text.strip()]
    return (value or None) if name == "start_from" else value


def options(name: str) -> list[tuple[str, str]]:
    """Return the choices of a setting: words and value."""
    values = get_args(specs.field(name).annotation)
    return [(catalogue().get(f"train.{name}.{value}", value), value) for value in values]


def _label(name: str) -> str:
    """Return the plain label with the field's term beside it, where that is another word."""
    title, term = specs.field(name).title or name, specs.term(name)
    return title if term.lower() == title.lower() else f"{title} ({term})"


def _choice(name: str, label: str, info: str | None) -> Component:
    default = specs.field(name).default
    if name in CHOICES:
        title = specs.field(name).title
        return gr.Radio(options(name), value=default, label=title, info=info, elem_id=name)
    return gr.Dropdown(options(name), value=default, label=label, info=info)


def _several(name: str, label: str, info: str | None) -> Component:
    """Draw a choice of several: from a list that the page fills, or words of the person's own."""
    return gr.Dropdown(
        [],
        value=[],
        multiselect=True,
        allow_custom_value=name in TYPED,
        label=label,
        info=info,
        interactive=True,
    )


def _number(default: Any, label: str, info: str | None, *, whole: bool) -> Component:
    """Draw a number without limits of its own: all faults are reported together, in words."""
    value = default if isinstance(default, int | float) else None
    return gr.Number(value, label=label, info=info, precision=0 if whole else None, step=None)


def _without_none(annotation: Any) -> Any:
    """Return `int` for `int | None`, and the bare type of an annotated one."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation
