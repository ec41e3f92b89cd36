"""`tuning-studio audit`: checks and exports the trail of a home, whether a studio runs or not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from storage import audit, audit_check
from storage.audit import Action
from studio import __main__ as entry
from studio.services.studio import Studio

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Said = Callable[..., SimpleNamespace]


@pytest.fixture
def said(
    studio: Studio,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Said:
    """Call `tuning-studio audit` within this process: starting one takes seconds."""
    monkeypatch.setenv("STUDIO_HOME", str(studio.settings.home))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["tuning-studio", "audit", *words])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        return SimpleNamespace(status=ended.value.code or 0, **capfd.readouterr()._asdict())

    return call


@pytest.fixture
def noted(studio: Studio) -> Studio:
    """A studio with three votes in its trail."""
    for number in (1, 2, 3):
        audit.noted(studio.database, "anna", Action.VOTED, f"vote_{number}", {})
    return studio


def test_a_whole_trail_is_said_to_be_whole(said: Said, noted: Studio) -> None:
    ended = said("verify")
    assert (ended.status, ended.err) == (0, "")
    last = audit_check.verify(noted.database).last
    assert last is not None
    assert "3 entries" in ended.out
    assert f"3:{last.hash}" in ended.out
    assert said("verify", "--known", f"3:{last.hash}").status == 0


def test_a_changed_entry_is_named_and_the_status_is_1(command: Command, noted: Studio) -> None:
    with noted.database.write() as session:
        session.execute(text("DROP TRIGGER audit_unchanged"))
        session.execute(text("UPDATE audit SET actor = 'ben' WHERE number = 2"))
    ended = command("audit", "verify")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Entry 2 was changed" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_entry_kept_elsewhere_that_is_not_there_is_told(said: Said, noted: Studio) -> None:
    ended = said("verify", "--known", f"2:{'0' * 64}")
    assert (ended.status, "Entry 2 is not the one" in ended.err) == (1, True)
    assert said("verify", "--known", "nonsense").status == 2


def test_the_trail_is_written_into_a_file(said: Said, noted: Studio, tmp_path: Path) -> None:
    assert said("export", "trail.csv").out.strip() == "trail.csv"
    assert (tmp_path / "trail.csv").read_text("utf-8-sig").count("vote_") == 3
    assert said("export", "trail.jsonl").status == 0
    assert len((tmp_path / "trail.jsonl").read_bytes().splitlines()) == 5
    assert said("export", "trail.pdf").status == 2
    refused = said("export", "missing/trail.csv")
    assert (refused.status, "cannot be written" in refused.err) == (1, True)


def test_where_there_is_no_studio_none_is_made(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "elsewhere"))
    ended = said("verify")
    assert (ended.status, "There is no studio" in ended.err) == (1, True)
    assert not (tmp_path / "elsewhere" / "studio.db").exists()


def test_a_database_of_an_earlier_release_is_told(said: Said, noted: Studio) -> None:
    with noted.database.write() as session:
        session.execute(text("DROP TABLE audit"))
    ended = said("verify")
    assert ended.status == 1
    assert "Start the studio once" in ended.err
