"""The page about safety: profiles, which is in force for whom, and what rules can and cannot do."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("nav.safety"), say("safety.lead"))
    island("safety")


PAGE = Page(say("nav.safety"), "/safety", build, in_navbar=False)
