"""The playground: one prompt to two to four contestants, side by side."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("chat.title"), say("chat.lead"))
    island("playground")


PAGE = Page(say("nav.playground"), "/playground", build)
