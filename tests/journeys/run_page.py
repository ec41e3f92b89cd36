"""What the page of a run shows: its curve and where it stands."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys.studio_process import PATIENCE, StudioProcess

CURVE = """() => {
  const drawn = document.querySelector('.ts-chart-large')?.data?.find(({name}) => name === 'Loss');
  return drawn ? {x: [...drawn.x], y: [...drawn.y]} : {x: [], y: []};
}"""

FROM_TO = re.compile(r"While learning from \S+ to \S+ at step \d+")
"""How the content of a curve is told."""

ADDRESS = re.compile(r"/run\?run=(run_[0-9a-f]+)$")


def of(page: Page) -> str:
    """Return the id of the run whose page is open, or opens now."""
    page.wait_for_url(ADDRESS)
    found = ADDRESS.search(page.url)
    assert found
    return found[1]


def expect_status(page: Page, words: str, seconds: float = PATIENCE) -> None:
    """Wait until the page says where the run stands."""
    chip = page.locator(".ts-part-title .ts-chip")
    expect(chip).to_contain_text(words, timeout=seconds * 1000)


def wait_for_points(page: Page, count: int) -> None:
    """Wait until the curve of the loss has so many points."""
    page.wait_for_function(f"() => ({CURVE})().x.length >= {count}")


def curve(page: Page) -> dict[str, list[float]]:
    """Return the loss as plotly has drawn it: `x` are steps, `y` values."""
    drawn: dict[str, list[float]] = page.evaluate(CURVE)
    return drawn


def stored(studio: StudioProcess, run_id: str) -> dict[int, float | None]:
    """Return the loss as the studio has it; a step that is there twice fails."""
    points = studio.get(f"/runs/{run_id}/metrics")["points"]
    losses: list[Any] = [point for point in points if point["name"] == "loss"]
    found = {point["step"]: point["value"] for point in losses}
    assert len(found) == len(losses), "a step is stored twice"
    return found


def expect_whole_curve(page: Page, studio: StudioProcess, run_id: str, last: int) -> None:
    """Every step is drawn once, with its value, up to the last."""
    truth = stored(studio, run_id)
    assert list(truth) == list(range(1, last + 1))
    wait_for_points(page, last)
    drawn = curve(page)
    assert drawn["x"] == list(truth)
    assert drawn["y"] == list(truth.values())
