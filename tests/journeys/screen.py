"""A browser window: what it shows, and what must not happen in it."""

from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

FOLDER = Path(__file__).resolve().parents[2] / "test-artefacts" / "journeys"

SIZES = {"desk": (1440, 900), "phone": (375, 812)}

SETTLED = """() => [...document.querySelectorAll('.ts-chart .main-svg')].every(
  (drawing) => drawing.clientWidth <= drawing.closest('.ts-chart').clientWidth)"""
"""Charts follow the width of the window a moment later."""

DARK = "on => document.body.classList.toggle('dark', on)"


LEAVING = (
    "AbortError: signal is aborted without reason",
    "Unexpected error Connection errored out.",
)
"""What Gradio's client says to itself when a page is left while an event is under way."""


class Window:
    """A browser window that notes errors of its pages and requests that leave the studio."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.found: list[str] = []
        self.expected = [*LEAVING]
        context.on("console", self._console)
        context.on("weberror", lambda error: self._thrown(str(error.error)))
        context.on("request", self._request)

    def expect(self, words: str) -> None:
        """Let console messages with these words pass; call before what causes them."""
        self.expected.append(words)

    def check(self) -> None:
        """Fail with everything that must not have happened."""
        assert not self.found, "\n".join(self.found)

    def _console(self, message: ConsoleMessage) -> None:
        text = f"{message.type}: {message.text} ({message.location['url']})"
        if message.type == "error" and not any(one in text for one in self.expected):
            self.found.append(text)

    def _thrown(self, text: str) -> None:
        if not any(one in text for one in LEAVING):
            self.found.append(f"thrown: {text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.found.append(f"a request left the studio: {request.url}")


def keep(page: Page, name: str) -> None:
    """Keep pictures of a page as it is now: at a desk and on a phone, light and dark."""
    before = page.viewport_size
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(SETTLED)
        for theme in ("light", "dark"):
            page.evaluate(DARK, theme == "dark")
            page.screenshot(path=FOLDER / f"{name}-{size}-{theme}.png", full_page=True)
    page.evaluate(DARK, False)
    if before:
        page.set_viewport_size(before)
