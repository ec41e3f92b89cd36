"""The home page: three doors, and what is being prepared or trained right now."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("home.title"), say("home.lead"))
    island("home")


PAGE = Page(say("nav.home"), "", build)
