"""One widget for each setting, drawn from its declaration alone."""

from typing import Literal, get_args, get_origin

import gradio as gr
import pytest

from storage import specs
from storage.specs import RunSpec
from studio.components import fields

NAMES = sorted(RunSpec.model_fields)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_a_widget_with_its_words(name: str) -> None:
    declared = specs.field(name)
    widget = fields.draw(name)
    assert declared.title
    assert str(widget.label).startswith(declared.title)
    assert widget.info == declared.description
    if name not in (*fields.PICKED, "name", "preset"):
        term = specs.term(name)
        assert term.lower() in str(widget.label).lower()


@pytest.mark.parametrize("name", sorted(set(NAMES) - {*fields.PICKED, "target_modules"}))
def test_a_widget_begins_with_the_default_and_offers_what_is_declared(name: str) -> None:
    declared, widget = specs.field(name), fields.draw(name)
    assert widget.value == declared.default
    if get_origin(declared.annotation) is Literal:
        assert [value for _, value in widget.choices] == list(get_args(declared.annotation))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rank", gr.Number), ("max_steps", gr.Number), ("learning_rate", gr.Number),
        ("use_dora", gr.Checkbox), ("preset", gr.Radio), ("scheduler", gr.Dropdown),
        ("name", gr.Textbox), ("dataset_id", gr.Dropdown), ("target_modules", gr.Dropdown),
    ],
)  # fmt: skip
def test_the_kind_of_a_setting_decides_the_kind_of_widget(name: str, kind: type) -> None:
    assert type(fields.draw(name)) is kind


def test_a_whole_number_stays_one_and_others_keep_every_digit() -> None:
    assert fields.draw("rank").precision == 0
    assert fields.draw("learning_rate").precision is None


def test_a_setting_that_is_added_needs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Longer(RunSpec):
        """RunSpec as it may be one day."""

        neftune: float | None = specs._field(None, "training", "NEFTune", "Noise", "Adds noise.")
        shuffle: bool = specs._field(True, "data", "shuffle", "Mix", "Mixes the examples.")
        loss: Literal["nll", "dft"] = specs._field("nll", "training", "loss", "Loss", "Which.")

    monkeypatch.setattr(specs, "RunSpec", Longer)
    noise, mix, loss = (fields.draw(name) for name in ("neftune", "shuffle", "loss"))
    assert isinstance(noise, gr.Number)
    assert noise.precision is None
    assert isinstance(mix, gr.Checkbox)
    assert isinstance(loss, gr.Dropdown)
    assert loss.choices == [("nll", "nll"), ("dft", "dft")]
    assert "neftune" in specs.names_in("training")
