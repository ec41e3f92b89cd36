"""Presets of one's own and the button for variations, without a browser."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from storage.ids import LOCAL_PERSON as ME
from studio.components.form_values import DEFAULTS, NAMES
from studio.components.own_presets import OwnPresets
from studio.components.variations import Variations
from studio.services import presets
from studio.services.studio import Studio

VALUES = {**DEFAULTS, "name": "Mine", "dataset_id": "data", "base_model_id": "model", "rank": 4}


def shown(**changes: Any) -> list[Any]:
    """Return the values of the form's widgets in their order."""
    return [{**VALUES, **changes}[name] for name in NAMES]


def on_a_page(make: Callable[[], Any]) -> Any:
    """Return what is made on a page, inside an event loop as in the web process."""

    async def built() -> Any:
        with gr.Blocks(analytics_enabled=False):
            return make()

    return asyncio.run(built())


@pytest.fixture
def own(studio: Studio) -> OwnPresets:
    """The presets on a page."""
    made: OwnPresets = on_a_page(lambda: OwnPresets(studio))
    return made


def test_what_the_form_shows_is_kept_and_chosen(own: OwnPresets, studio: Studio) -> None:
    listed, remove, undo, deleted, name = own.keep("Small", *shown())
    [made] = presets.listing(studio, ME)
    assert (made.name, made.settings["rank"]) == ("Small", 4)
    assert (listed["choices"], listed["value"]) == ([("Small", made.id)], made.id)
    assert (remove["interactive"], undo["visible"], deleted, name["value"]) == (True, False, "", "")


def test_a_preset_fills_in_what_it_keeps_and_nothing_else(own: OwnPresets, studio: Studio) -> None:
    made = presets.keep(studio, ME, "Small", {"rank": 2, "learning_rate": 1e-3})
    given = tuple(shown(name="Other", epochs=7.0))
    before = dict(zip(NAMES, given, strict=True))
    assert own.filled(made.id, given) == {**before, "rank": 2, "learning_rate": 1e-3}
    assert own.filled(None, given) == before


def test_a_deleted_preset_can_be_brought_back(own: OwnPresets, studio: Studio) -> None:
    made = presets.keep(studio, ME, "Small", {"rank": 2})
    listed, remove, undo, deleted = own.delete(made.id)
    assert (listed["choices"], remove["interactive"]) == ([], False)
    assert (undo["visible"], deleted) == (True, made.id)
    listed, _, undo, _ = own.restore(deleted)
    assert (listed["value"], undo["visible"]) == (made.id, False)


def test_settings_that_cannot_be_are_not_kept(own: OwnPresets, studio: Studio) -> None:
    with pytest.raises(gr.Error, match="Must be at least 1"):
        own.keep("Wrong", *shown(rank=0))
    assert presets.listing(studio, ME) == []


def test_the_button_hands_over_what_would_be_sent_and_each_press_is_new() -> None:
    button: Variations = on_a_page(Variations)
    first, second = button.ask(*shown()), button.ask(*shown())
    assert first != second
    word, _, digits = first.partition("-")
    assert len(word) == 8
    handed = json.loads(bytes.fromhex(digits))
    assert (handed["rank"], handed["dataset_id"], handed["name"]) == (4, "data", "Mine")
