"""A small hub that speaks the Hugging Face hub's protocol to the real huggingface_hub client."""

import hashlib
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

_API = re.compile(r"/api/(?:models/|(?=datasets/))((?:datasets/)?[^/]+/[^/]+)(?:/revision/(.+))?")
_RESOLVE = re.compile(r"/((?:datasets/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_LARGE = 1 << 20  # from here on a file is stored by sha256, as the hub does with Git LFS


@dataclass
class Repository:
    """One model or dataset on the fake hub.

    Attributes:
        files: content by name.
        gated: needs a token that is in `allowed`; listing works without.
        private: unknown to whoever has no token that is in `allowed`.
        claimed_sizes: sizes the listing gives instead of the true ones.
        file_store: address that downloads are redirected to, as the hub does with large files.
    """

    files: dict[str, bytes]
    commit: str = "a" * 40
    gated: bool = False
    private: bool = False
    allowed: set[str] = field(default_factory=set)
    claimed_sizes: dict[str, int] = field(default_factory=dict)
    file_store: str | None = None


@dataclass(frozen=True)
class Request:
    """One request that arrived, for the test to look at."""

    method: str
    path: str
    range: str | None
    token: str | None


class FakeHub:
    """The hub, on a free local port, in a thread.

    Attributes:
        endpoint: its address.
        repositories: by name; that of a dataset begins with "datasets/".
        requests: what arrived so far.
        fail_next: answer so many requests with `failure_status`.
        cut_after: send so many bytes of a body, then cut the connection; None never.
        cuts_left: how many connections to cut.
        ignore_range: answer a request for a part with the whole file, as some caches do.
        seconds_a_block: delay before each 64 KiB of a body.
        valid_tokens: tokens that the hub knows at all; None takes any.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.fail_next = 0
        self.failure_status = 503
        self.cut_after: int | None = None
        self.cuts_left = 0
        self.ignore_range = False
        self.seconds_a_block = 0.0
        self.valid_tokens: set[str] | None = None
        hub = self

        class Handler(_Handler):
            state = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, name: str, folder: Path) -> Repository:
        """Put a folder's files on the hub."""
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.repositories[name] = Repository(files)
        return self.repositories[name]

    def add_dataset(self, name: str, files: dict[str, bytes]) -> Repository:
        """Put a dataset with these files, which may be in folders, on the hub."""
        self.repositories[f"datasets/{name}"] = Repository(files)
        return self.repositories[f"datasets/{name}"]

    def downloads(self, file: str) -> list[Request]:
        """Return the requests for the content of a file."""
        return [r for r in self.requests if r.method == "GET" and r.path.endswith("/" + file)]


def etag_of(content: bytes) -> str:
    """Return the hash that the hub names content by: sha256 if large, else git's sha1."""
    if len(content) >= _LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FakeHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Tests look at `requests`, not at standard error."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        request = Request(self.command, path, self.headers.get("Range"), self._token())
        self.state.requests.append(request)
        if self.state.fail_next:
            self.state.fail_next -= 1
            self._refuse(self.state.failure_status, "", "The hub is having a bad moment")
        elif match := _API.fullmatch(path):
            self._info(match[1], match[2])
        elif match := _RESOLVE.fullmatch(path):
            self._file(match[1], match[2], match[3])
        else:
            self._refuse(404, "EntryNotFound", "Entry not found")

    def _token(self) -> str | None:
        header = self.headers.get("authorization")
        return header.removeprefix("Bearer ") if header else None

    def _repository(self, name: str, revision: str | None) -> Repository | None:
        """Return the repository, or answer with the hub's refusal."""
        found, token = self.state.repositories.get(name), self._token()
        valid = self.state.valid_tokens
        if token and valid is not None and token not in valid:
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif found is None or (found.private and token not in found.allowed):
            # The hub does not tell strangers whether a private model exists.
            self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
        elif revision not in (None, "main", found.commit):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return found
        return None

    def _info(self, name: str, revision: str | None) -> None:
        if (found := self._repository(name, revision)) is None:
            return
        siblings = [
            {"rfilename": file, "size": found.claimed_sizes.get(file, len(content))}
            for file, content in found.files.items()
        ]
        body = {
            "id": name.removeprefix("datasets/"),
            "sha": found.commit,
            "gated": found.gated,
            "siblings": siblings,
        }
        self._send(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def _file(self, name: str, revision: str, file: str) -> None:
        if (found := self._repository(name, revision)) is None:
            return
        token = self._token()
        if found.gated and token not in found.allowed:
            self._refuse(403 if token else 401, "GatedRepo", f"Access to {name} is restricted.")
        elif file not in found.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif found.file_store:
            content = found.files[file]
            headers = {
                "Location": found.file_store + self.path,
                "X-Repo-Commit": found.commit,
                "X-Linked-Size": str(len(content)),
                "X-Linked-Etag": f'"{etag_of(content)}"',
            }
            self._send(302, headers, b"")
        else:
            self._content(found.files[file], found.commit)

    def _content(self, content: bytes, commit: str) -> None:
        headers = {"X-Repo-Commit": commit, "ETag": f'"{etag_of(content)}"'}
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not start or self.state.ignore_range:
            self._send(200, headers, content)
            return
        first = int(start[1])
        headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._send(206, headers, content[first:])

    def _refuse(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._send(status, headers, json.dumps({"error": message}).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        limit = self.state.cut_after if self.state.cuts_left and len(body) >= _LARGE else None
        try:
            self._body(body if limit is None else body[:limit])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was killed, which is what some tests do
        if limit is not None:
            self.state.cuts_left -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _body(self, body: bytes) -> None:
        for start in range(0, len(body), 1 << 16):
            if self.state.seconds_a_block and len(body) >= _LARGE:
                time.sleep(self.state.seconds_a_block)
            self.wfile.write(body[start : start + (1 << 16)])
