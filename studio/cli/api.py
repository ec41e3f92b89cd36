"""The running studio's JSON API, as the commands use it."""

from pathlib import Path
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

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Return an answer whatever its status. Raises Unreachable."""
        try:
            return self._client.request(method, path, **more)
        except httpx.TransportError as error:
            raise Unreachable(self.address) from error

    def save(self, path: str, target: Path, **parameters: Any) -> None:
        """Write what a route gives into a file. Raises Failed in the studio's words.

        It is written aside and renamed, so that half a file is never taken for a whole one.
        """
        try:
            with self._client.stream("GET", path, params=parameters) as answer:
                if not answer.is_success:
                    answer.read()
                checked(answer)
                _saved(answer, target)
        except httpx.TransportError as error:
            raise Unreachable(self.address) from error

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        answer = self.ask(method, path, **more)
        checked(answer)
        return answer.json() if answer.content else {}


class Unreachable(Failed):
    """No studio answers at the address."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"No studio answers at {address}.",
            "Start one with `tuning-studio up`; STUDIO_HOST and STUDIO_PORT say where it listens.",
        )


def _saved(answer: httpx.Response, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            for block in answer.iter_bytes():
                file.write(block)
        part.replace(target)
    except OSError as error:
        raise Failed(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


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
