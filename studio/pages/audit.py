"""The audit page: what was done and by whom, and whether anybody has changed the record since."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("nav.audit"), say("audit.lead"))
    island("audit")


PAGE = Page(say("nav.audit"), "/audit", build, in_navbar=False)
