"""The train page: a form drawn from `RunSpec`, and what will happen before Start is pressed."""

import gradio as gr
from gradio.context import Context

from studio.components.run_form import RunForm
from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(studio: Studio) -> None:
    """Draw the page."""
    heading(say("train.title"), say("train.lead"))
    island("train")
    form = RunForm(studio)
    island("vary")
    page = Context.root_block
    if not isinstance(page, gr.Blocks):
        raise TypeError("a page is built inside gr.Blocks")
    form.connect(page)


PAGE = Page(say("nav.train"), "/train", build)
