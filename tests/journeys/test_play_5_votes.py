"""Blind votes become a leaderboard, a dataset, a DPO run, and a new contestant."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import train_page
from tests.journeys.screen import DARK, SIZES, keep
from tests.journeys.studio_process import StudioProcess, until
from tests.journeys.test_4_for_everyone import CONTRAST, NAMELESS, OVERFLOWING, SMALL

STEPS = 4
QUESTIONS = ("What helps after 3 hours at a desk?", "And after 5 hours?", "And after 9 hours?")


@pytest.fixture(scope="module")
def voices(studio: StudioProcess, queue: Callable[..., str]) -> list[str]:
    """The names of two adapters, both trained until they speak in words, but not in the same."""
    speeds = {"Voted for, gently": 5e-3, "Voted for, briskly": 2e-2}
    runs = [queue(name, 30, learning_rate=speed) for name, speed in speeds.items()]
    ended = [studio.run_ends(run_id) for run_id in runs]
    assert [run["status"] for run in ended] == ["finished", "finished"]
    return [f"adapter:{run['adapter_id']}" for run in ended]


def winner(vote: dict[str, Any]) -> str:
    """Return what the better one of a vote is called."""
    title: str = vote["told"][vote["outcome"]]["title"]
    return title


def vote_blind(page: Page, question: str, rounds: int) -> None:
    """Ask both, say that A is better, and meet their names only then."""
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Send to all").click()
    expect(page.locator(".ts-round")).to_have_count(rounds)
    asked = page.locator(".ts-round").last
    bar = asked.get_by_role("region", name="Which answer is better?")
    expect(bar).to_be_visible()
    assert "Voted for" not in asked.inner_text()
    bar.get_by_role("button", name=re.compile("^A is better")).click()
    expect(bar.get_by_role("status")).to_contain_text("Your vote is noted.")
    expect(asked.locator(".ts-answers")).to_contain_text("Voted for")


def prefer(page: Page, studio: StudioProcess) -> dict[str, Any]:
    """Make a dataset of the votes and train on it with DPO; returns the run."""
    preferences = page.locator("#feedback-preference")
    preferences.get_by_role("button", name="Make a dataset").click()
    preferences.get_by_role("link", name="Train on these preferences").click()
    expect(train_page.way(page, "Prefer the better answer (DPO)")).to_be_checked()
    expect(train_page.plan(page)).to_contain_text("Steps")
    short = {"Stop after this many steps": str(STEPS), "Longest example, in tokens": "96"}
    train_page.advanced(page, short | {"Steps between exams": str(STEPS)})
    run_id = train_page.start(page)
    ended = studio.run_ends(run_id)
    assert ended["status"] == "finished", ended["error"]
    return train_page.finished(page, studio, run_id, STEPS)


def test_blind_votes_lead_to_a_new_contestant(
    page: Page, studio: StudioProcess, voices: list[str], model_id: str
) -> None:
    before = studio.get("/votes")["total"]
    page.goto(f"/playground?blind=1&with={voices[0]}&with={voices[1]}")
    expect(page.get_by_label("Blind vote")).to_be_checked()
    page.get_by_text("Instruction and sampling").click()
    page.get_by_label("Longest answer, in tokens").fill("12")
    for number, question in enumerate(QUESTIONS, 1):
        vote_blind(page, question, number)
        until(lambda count=before + number: studio.get("/votes")["total"] == count, "it is kept")
    newest = studio.get(f"/votes?limit={len(QUESTIONS)}")["votes"]
    assert all(vote["blind"] and vote["outcome"] == "a" for vote in newest)
    assert [vote["told"]["messages"][-1]["content"] for vote in reversed(newest)] == [*QUESTIONS]

    page.get_by_role("link", name="Leaderboard").click()
    page.wait_for_url("**/leaderboard")
    board = page.locator("#leaderboard")
    for vote in newest:
        expect(board.get_by_role("rowheader", name=winner(vote), exact=True).first).to_be_visible()
    expect(board.get_by_role("list", name="What the votes say").first).to_contain_text("better")
    keep(page, "leaderboard")

    run = prefer(page, studio)
    assert run["spec"]["method"] == "dpo"
    assert run["spec"]["base_model_id"] == model_id
    page.get_by_role("link", name="Talk to it beside the original").click()
    chosen = page.get_by_role("combobox", name=re.compile("^Contestant")).nth(1)
    expect(chosen).to_have_value(f"adapter:{run['adapter_id']}")


def test_a_vote_is_taken_back_and_brought_back_on_the_board(
    page: Page, studio: StudioProcess, voices: list[str]
) -> None:
    total = studio.get("/votes")["total"]
    page.goto("/leaderboard")
    votes = page.locator("#all-votes")
    votes.get_by_text(f"All votes ({total})").click()
    votes.get_by_role("button", name="Take it back").first.click()
    expect(page.get_by_text("The vote was taken back.")).to_be_visible()
    assert studio.get("/votes")["total"] == total - 1
    page.get_by_role("button", name="Undo").click()
    expect(votes.get_by_text(f"All votes ({total})")).to_be_visible()
    page.get_by_label("Until").fill("2020-01-01")
    expect(page.get_by_text("No vote fits these filters.")).to_be_visible()


def test_everyone_can_use_the_board_on_a_phone_too(page: Page, voices: list[str]) -> None:
    page.goto("/leaderboard")
    expect(page.locator("#leaderboard .ts-interval").first).to_be_visible()
    expect(page.locator("#all-votes")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for theme in ("light", "dark"):
        page.evaluate(DARK, theme == "dark")
        assert page.evaluate(CONTRAST) == [], theme
    assert NAMELESS.findall(page.locator("body").aria_snapshot()) == []
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate(OVERFLOWING) == []
    assert page.evaluate(SMALL) == []
