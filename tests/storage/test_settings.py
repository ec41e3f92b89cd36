"""Settings: read once from the environment, frozen, handed on, and silent about secrets."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from storage import settings
from storage.artifacts import write_private
from storage.settings import Settings
from storage.shipped import PROJECT


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine of the test itself has set."""
    for name in ("HOME", "HOST", "PORT", "DATABASE_URL", "CHAT_URL", "CHAT_PORT"):
        monkeypatch.delenv(f"STUDIO_{name}", raising=False)
    for name in ("HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


def test_a_studio_that_nobody_configured_listens_on_this_machine_only(tmp_path: Path) -> None:
    found = Settings(home=tmp_path)
    assert (found.host, found.port) == ("127.0.0.1", 7860)
    assert found.chat_address == "http://127.0.0.1:7861"
    assert found.database == f"sqlite:///{tmp_path}/studio.db"
    assert found.hub_endpoint == "https://huggingface.co"
    assert found.hub_token() is None


def test_variables_of_the_studio_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("STUDIO_PORT", "8000")
    monkeypatch.setenv("STUDIO_DATABASE_URL", "postgresql://db/studio")
    monkeypatch.setenv("STUDIO_CHAT_URL", "http://gpu:9000")
    monkeypatch.setenv("STUDIO_LEASE_SECONDS", "7.5")
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror")
    found = settings.load()
    assert (found.home, found.port, found.lease_seconds) == (tmp_path, 8000, 7.5)
    assert found.database == "postgresql://db/studio"
    assert (found.chat_url, found.hub_endpoint) == ("http://gpu:9000", "http://mirror")
    assert found.chat_address == "http://127.0.0.1:7861", "the one place that is asked"


@pytest.mark.parametrize("port", ["0", "65536", "http", ""])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("STUDIO_PORT", port)
    with pytest.raises(ValidationError, match="port"):
        Settings()


def test_settings_cannot_be_changed_afterwards(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings(home=tmp_path).port = 1  # type: ignore[misc]


def test_a_new_home_is_private_to_its_owner(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "deep" / "home"))
    home = settings.load().home
    assert home.is_dir()
    assert home.stat().st_mode & 0o777 == 0o700


def test_the_home_is_an_absolute_folder_wherever_it_was_named_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_HOME", "here")
    assert settings.load().home == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STUDIO_HOME", "~/there")
    assert settings.load().home == tmp_path / "there"


def test_the_token_typed_into_the_page_wins_over_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_variable")
    found = Settings(home=tmp_path)
    assert found.hub_token() == "hf_variable"
    write_private(found.token_file, "hf_typed\n")
    assert found.hub_token() == "hf_typed"


def test_no_secret_shows_when_settings_are_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_s3cr3t")
    monkeypatch.setenv("STUDIO_DATABASE_URL", "postgresql://studio:s3cr3t@db/studio")
    found = Settings(home=tmp_path)
    write_private(found.token_file, "hf_s3cr3t")
    assert "s3cr3t" not in repr(found) + str(found)


def test_a_process_that_is_started_has_the_same_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    given = Settings(home=tmp_path, port=8123, heartbeat_seconds=0.25, HF_ENDPOINT="http://mirror")
    code = "from storage import settings; print(settings.load().model_dump_json())"
    said = subprocess.run(
        [sys.executable, "-c", code], env=given.environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == given.model_dump_json()


def test_libraries_are_kept_quiet_and_offline_where_asked(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from storage import settings;"
        "settings.quiet_libraries(pathlib.Path(sys.argv[1]), offline=sys.argv[2] == 'offline');"
        "print(os.environ.get('HF_HUB_OFFLINE'), os.environ['HF_HUB_DISABLE_TELEMETRY'],"
        " os.environ['GRADIO_ANALYTICS_ENABLED'], os.umask(0))"
    )
    for mode, expected in (("offline", "1 1 False 63"), ("online", "None 1 False 63")):
        said = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), mode],
            env={"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert said.stdout.strip() == expected
