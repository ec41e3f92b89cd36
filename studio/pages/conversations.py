"""The conversations page: what was asked and answered, found again."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("conversations.title"), say("conversations.lead"))
    island("conversations")


PAGE = Page(say("conversations.title"), "/conversations", build, in_navbar=False)
