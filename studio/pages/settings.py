"""The settings page: the token for gated models, what takes space, and where all is kept."""

import gradio as gr

from studio.components import door
from studio.page import Page, heading, island
from studio.services import base_models
from studio.services.studio import Studio
from studio.words import say


def build(studio: Studio) -> None:
    """Draw the page."""
    heading(say("settings.title"), say("settings.lead"))
    token = gr.Textbox(
        label=say("settings.token"),
        info=say("settings.token_help"),
        type="password",
        max_length=200,
    )
    state = gr.Markdown(_state(studio))
    save = gr.Button(say("settings.token_save"), variant="primary")
    save.click(lambda given: _save(studio, given), token, [token, state])
    island("spaces")
    gr.Markdown(say("settings.safety"))
    island("audit_link")
    gr.Markdown(say("settings.where", home=f"`{studio.settings.home}`"))


@door.answered()
def _save(studio: Studio, token: str) -> tuple[str, str]:
    base_models.save_hub_token(studio, token)
    gr.Info(say("settings.token_saved" if token.strip() else "settings.token_removed"))
    return "", _state(studio)


def _state(studio: Studio) -> str:
    there = base_models.has_hub_token(studio)
    return say("settings.token_there" if there else "settings.token_none")


PAGE = Page(say("nav.settings"), "/settings", build)
