"""The running studio's JSON API, as the commands use it."""

from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import ValidationError
from rich.table import Table

from storage.settings import Settings
from studio import addresses
from studio.cli.terminal import Failed, Refused


def settings() -> Settings:
    """Return the settings. Raises Failed in words where a variable cannot be read."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"STUDIO_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
        raise Failed("The settings cannot be read. " + " ".join(faults), status=2) from error


class Api:
    """A connection to the running studio; use it in a `with` block."""

    def __init__(self, chosen: Settings | None = None) -> None:
        self._settings = chosen or settings()
        self.address = f"http://{addresses.shown(self._settings.host)}:{self._settings.port}"
        self._client = httpx.Client(
            base_url=f"{self.address}/api/v1",
            trust_env=False,
            timeout=httpx.Timeout(600, connect=5),  # an upload is answered when it is on disk
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """Return what a route answers. Raises Failed (or Unreachable) in the studio's words."""
        return self._asked("GET", path, params=parameters)

    def post(self, path: str, json: object = None, **more: Any) -> Any:
        """Send JSON (or `files`) and return the answer. Raises Failed in the studio's words."""
        return self._asked("POST", path, **({"json": json} if json is not None else {}), **more)

    def stream(self, path: str) -> Any:
        """Return a context manager that gives the answer before its body is read."""
        return self._client.stream("GET", path)

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.TransportError as error:
            raise Unreachable(self.address) from error
        checked(answer)
        return answer.json() if answer.content else {}


class Unreachable(Failed):
    """No studio answers at the address."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"No studio answers at {address}.",
            "Start one with `tuning-studio up`; STUDIO_HOST and STUDIO_PORT say where it listens.",
        )


def checked(answer: httpx.Response) -> None:
    """Raise what a problem says, in the studio's words, faults by field."""
    if answer.is_success:
        return
    try:
        problem = answer.json()
        words = problem["error"]
        faults = problem.get("faults", [])
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"The studio answered with status {answer.status_code}.") from error
    if not faults:
        raise Failed(words["message"], words["hint"])
    table = Table("Setting", "What is wrong")
    for fault in faults:
        table.add_row(fault["field"], fault["message"])
    raise Refused(table)
