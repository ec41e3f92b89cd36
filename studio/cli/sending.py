"""Sends a file to the running studio in pieces; goes on where it was after any interruption."""

import time
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from studio.cli.api import Api, Unreachable, checked
from studio.cli.terminal import Failed, err

PIECE_BYTES = 8 * 2**20
"""The most that the studio takes at a time."""

SECONDS = 1.0
PATIENCE = 60
"""So often in a row, with so many seconds between, the studio may be out of reach."""


def uploaded(api: Api, file: Path) -> Any:
    """Upload a file, read in pieces, and return the dataset. Raises Failed.

    What an earlier attempt has sent of the same file (name, size, time) is not sent again.
    """
    try:
        about = file.stat()
        with file.open("rb") as content:
            told = {
                "name": file.name,
                "size": about.st_size,
                "last_modified": round(about.st_mtime * 1000),
            }
            return _sent(api, content, told)
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}.") from error


def _sent(api: Api, content: BinaryIO, about: dict[str, Any]) -> Any:
    upload = api.post("/uploads", about)
    path, received = f"/uploads/{upload['id']}", int(upload["received"])
    with _bar() as bar:
        task = bar.add_task(about["name"], total=about["size"], completed=received)
        while received < about["size"]:
            received = _put(api, path, content, received)
            bar.update(task, completed=received)
    answer = _patiently(api, "POST", f"{path}/finish")
    checked(answer)
    return answer.json()


def _put(api: Api, path: str, content: BinaryIO, offset: int) -> int:
    """Send one piece; returns how much is there now, whoever has sent it."""
    content.seek(offset)
    piece = content.read(PIECE_BYTES)
    if not piece:
        raise Failed("The file has become shorter while it was sent.", "Send it again.")
    answer = _patiently(api, "PUT", path, params={"offset": offset}, content=piece)
    if answer.status_code == 409:
        detail = answer.json()["error"].get("detail")
        if detail is not None:
            return int(detail["received"])
    checked(answer)
    return int(answer.json()["received"])


def _patiently(api: Api, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask again and again until the studio answers: it may be starting again."""
    for _ in range(PATIENCE):
        try:
            return api.ask(method, path, **more)
        except Unreachable:
            time.sleep(SECONDS)
    return api.ask(method, path, **more)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=err,
    )
