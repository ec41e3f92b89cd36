"""The one place that reads the environment: where the studio lives, listens and looks."""

import os
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

GIGABYTE = 1_000_000_000


class Settings(BaseSettings):
    """Read once from `STUDIO_*` variables, frozen, and passed to whoever needs it."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: user_data_path("tuning-studio"))
    host: str = "127.0.0.1"
    port: int = Field(7860, ge=1, le=65535)
    database_url: str | None = Field(None, repr=False)  # it may hold a password
    queue_url: str | None = Field(None, repr=False)  # it may hold a password
    chat_url: str | None = None
    chat_key: str | None = Field(None, repr=False)
    chat_port: int = Field(7861, ge=1, le=65535)
    max_upload_bytes: int = Field(20 * GIGABYTE, gt=0)
    lease_seconds: float = Field(30.0, gt=0)
    heartbeat_seconds: float = Field(5.0, gt=0)
    reconcile_seconds: float = Field(2.0, gt=0)
    hang_seconds: float = Field(600.0, gt=0)
    chat_adapter_bytes: int = Field(2 * GIGABYTE, gt=0)
    hub_endpoint: str = Field("https://huggingface.co", validation_alias="HF_ENDPOINT")
    visible_cards: str | None = Field(None, validation_alias="CUDA_VISIBLE_DEVICES")
    environment_hub_token: str | None = Field(None, validation_alias="HF_TOKEN", repr=False)

    @property
    def database(self) -> str:
        """SQLAlchemy address of the application's database."""
        return self.database_url or f"sqlite:///{self.home / 'studio.db'}"

    @property
    def queue_file(self) -> Path:
        """The queue's own SQLite file; it only ever holds doorbell messages."""
        return self.home / "queue.db"

    @property
    def token_file(self) -> Path:
        """Where the hub token typed into the settings page is kept, readable by its owner only."""
        return self.home / "secrets" / "hub-token"

    @property
    def chat_address(self) -> str:
        """Base address of the studio's chat server; it passes on to `chat_url` where one is set."""
        return f"http://127.0.0.1:{self.chat_port}"

    def hub_token(self) -> str | None:
        """Return the token for gated models: the settings page's, else `HF_TOKEN`'s, else None."""
        if self.token_file.is_file():
            return self.token_file.read_text(encoding="utf-8").strip() or None
        return self.environment_hub_token or None

    def environment(self) -> dict[str, str]:
        """Return the variables that hand these settings on to a process that is started."""
        given = self.model_dump(
            exclude={"hub_endpoint", "environment_hub_token", "visible_cards"}, exclude_none=True
        )
        own = {f"STUDIO_{name.upper()}": str(given[name]) for name in given}
        return {**os.environ, **own, "HF_ENDPOINT": self.hub_endpoint}


def load() -> Settings:
    """Read the settings and make the home folder, private to its owner."""
    settings = Settings()
    home = settings.home.expanduser().resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.model_copy(update={"home": home})


def quiet_libraries(home: Path, *, offline: bool) -> None:
    """Keep libraries from phoning home; call before gradio, transformers or trl is imported.

    Args:
        home: the studio's folder; caches and temporary uploads stay below it.
        offline: True in every process that must never fetch anything (training, chat).
    """
    os.umask(0o077)
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False",
        GRADIO_TEMP_DIR=str(home / "uploads" / "gradio"),
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        DO_NOT_TRACK="1",
        HF_HOME=str(home / "cache" / "huggingface"),
        TOKENIZERS_PARALLELISM="false",
        TRL_EXPERIMENTAL_SILENCE="1",
        OMP_WAIT_POLICY="passive",  # idle threads that spin starve the others on a busy machine
        MPLCONFIGDIR=str(home / "cache" / "matplotlib"),
    )
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
