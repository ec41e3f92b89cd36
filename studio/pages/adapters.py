"""The adapters page: compare, download, delete and bring back."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("adapters.title"), say("adapters.lead"))
    island("adapters")


PAGE = Page(say("nav.adapters"), "/adapters", build)
