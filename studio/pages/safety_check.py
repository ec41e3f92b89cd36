"""The safety check's page, at an address of its own: `/safety-check?of=adapter:ID`."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("nav.safety_check"), say("check.lead"))
    island("safety-check")


PAGE = Page(say("nav.safety_check"), "/safety-check", build, in_navbar=False)
