"""One widget for each setting, drawn from its declaration alone."""

from typing import Literal, get_args, get_origin

import gradio as gr
import pytest

from storage import specs
from storage.options.declared import setting
from storage.specs import RunSpec
from studio.components import fields

NAMES = sorted(RunSpec.model_fields)
SEVERAL = ("target_modules", "extra_tokens")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_a_widget_with_its_words(name: str) -> None:
    declared = specs.field(name)
    widget = fields.draw(name)
    assert declared.title
    assert str(widget.label).startswith(declared.title)
    assert widget.info == declared.description
    if name not in (*fields.LISTED, *fields.CHOICES, "name"):
        term = specs.term(name)
        assert term.lower() in str(widget.label).lower()


@pytest.mark.parametrize("name", sorted(set(NAMES) - {*fields.LISTED, *SEVERAL}))
def test_a_widget_begins_with_the_default_and_offers_what_is_declared(name: str) -> None:
    declared, widget = specs.field(name), fields.draw(name)
    assert widget.value == fields.shown(name, declared.default)
    if get_origin(declared.annotation) is Literal:
        assert [value for _, value in widget.choices] == list(get_args(declared.annotation))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rank", gr.Number), ("max_steps", gr.Number), ("learning_rate", gr.Number),
        ("use_dora", gr.Checkbox), ("preset", gr.Radio), ("scheduler", gr.Dropdown),
        ("name", gr.Textbox), ("dataset_id", gr.Dropdown), ("target_modules", gr.Dropdown),
        ("method", gr.Radio), ("teacher_model_id", gr.Dropdown), ("extra_tokens", gr.Dropdown),
        ("custom_template", gr.Textbox),
    ],
)  # fmt: skip
def test_the_kind_of_a_setting_decides_the_kind_of_widget(name: str, kind: type) -> None:
    assert type(fields.draw(name)) is kind


@pytest.mark.parametrize("name", SEVERAL)
def test_several_can_be_chosen_and_none_is_to_begin_with(name: str) -> None:
    widget = fields.draw(name)
    assert isinstance(widget, gr.Dropdown)
    assert widget.multiselect
    assert widget.value == []


def test_new_words_are_typed_and_parts_are_chosen_from_those_of_the_model() -> None:
    typed, chosen = (fields.draw(name) for name in ("extra_tokens", "target_modules"))
    assert isinstance(typed, gr.Dropdown)
    assert isinstance(chosen, gr.Dropdown)
    assert (typed.allow_custom_value, chosen.allow_custom_value) == (True, False)


def test_questions_are_written_one_a_line() -> None:
    widget = fields.draw("probe_prompts")
    assert isinstance(widget, gr.Textbox)
    asked = ["What helps with a cold?", "And with a\nheadache?"]
    assert fields.shown("probe_prompts", asked) == "What helps with a cold?\nAnd with a headache?"
    typed = "  What helps with a cold? \n\n And with a headache?\n"
    meant = ["What helps with a cold?", "And with a headache?"]
    assert fields.meant("probe_prompts", typed) == meant
    assert fields.meant("probe_prompts", asked) == asked
    assert fields.meant("probe_prompts", None) == []
    assert fields.meant("name", "A name\nof two lines") == "A name\nof two lines"


def test_a_chat_format_has_room_for_its_lines() -> None:
    assert fields.draw("custom_template").lines > 3


def test_each_way_of_learning_has_a_name_and_one_sentence() -> None:
    for words, _ in fields.options("method"):
        name, sentence = words.split("\n")
        assert name.endswith(")")
        assert sentence.endswith(".")
        assert sentence.count(".") == 1


def test_a_whole_number_stays_one_and_others_keep_every_digit() -> None:
    assert fields.draw("rank").precision == 0
    assert fields.draw("learning_rate").precision is None


def test_a_setting_that_is_added_needs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Longer(RunSpec):
        """RunSpec as it may be one day."""

        noise: float | None = setting(None, "training", "noise", "Noise", "Adds noise.")
        shuffle: bool = setting(True, "data", "shuffle", "Mix", "Mixes the examples.")
        loss: Literal["nll", "dft"] = setting("nll", "training", "loss", "Loss", "Which.")

    monkeypatch.setattr(specs, "RunSpec", Longer)
    noise, mix, loss = (fields.draw(name) for name in ("noise", "shuffle", "loss"))
    assert isinstance(noise, gr.Number)
    assert noise.precision is None
    assert isinstance(mix, gr.Checkbox)
    assert isinstance(loss, gr.Dropdown)
    assert loss.choices == [("nll", "nll"), ("dft", "dft")]
    assert "noise" in specs.names_in("training")
