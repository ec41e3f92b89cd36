"""Draws one widget for each setting that `RunSpec` declares; the declaration is the only source."""

import types
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr
from gradio.components import Component

from storage import specs
from studio.words import catalogue

PICKED = ("dataset_id", "base_model_id")
"""These are chosen from lists that the page fills."""


def draw(name: str) -> Component:
    """Return the widget of a setting, with its plain label, the field's term, and help."""
    declared = specs.field(name)
    label, info = _label(name), declared.description
    kind = _without_none(declared.annotation)
    if name in PICKED:
        return gr.Dropdown([], label=declared.title, info=info, interactive=True)
    if name == "target_modules":
        return gr.Dropdown([], value=[], multiselect=True, label=label, info=info, interactive=True)
    if get_origin(kind) is Literal:
        return _choice(name, get_args(kind), label, info)
    if kind is bool:
        return gr.Checkbox(bool(declared.default), label=label, info=info)
    if kind in (int, float):
        return _number(declared.default, label, info, whole=kind is int)
    return gr.Textbox(
        declared.default, label=declared.title, info=info, max_length=120, max_lines=1
    )


def _label(name: str) -> str:
    """Return the plain label with the field's term beside it, where that is another word."""
    title, term = specs.field(name).title or name, specs.term(name)
    return title if term.lower() == title.lower() else f"{title} ({term})"


def _choice(name: str, options: tuple[str, ...], label: str, info: str | None) -> Component:
    words = [(catalogue().get(f"train.{name}.{option}", option), option) for option in options]
    default = specs.field(name).default
    if name == "preset":
        return gr.Radio(words, value=default, label=specs.field(name).title, info=info)
    return gr.Dropdown(words, value=default, label=label, info=info)


def _number(default: Any, label: str, info: str | None, *, whole: bool) -> Component:
    """Draw a number without limits of its own: all faults are reported together, in words."""
    value = default if isinstance(default, int | float) else None
    return gr.Number(value, label=label, info=info, precision=0 if whole else None, step=None)


def _without_none(annotation: Any) -> Any:
    """Return `int` for `int | None`, and the bare type of an annotated one."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation
