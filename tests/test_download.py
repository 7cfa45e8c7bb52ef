"""Fetching into the cache, from a server of this machine."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from convlet.errors import FormatError
from convlet.io.download import RemoteFile, cache_folder, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """What it gives, by path, and what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        if self.path == "/missing":
            self.send_error(404)
            return
        content = CONTENT[::-1] if self.path == "/wrong" else CONTENT
        content = content + b"x" if self.path == "/longer" else content
        start = 0
        if wanted and self.path != "/simple":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/broken" else body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(*urls: str, sha256: str = SHA256) -> RemoteFile:
    return RemoteFile("a.bin", len(CONTENT), sha256, urls)


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    for _ in range(2):
        path = fetch(remote(server.url("a")), folder)
        assert path == folder / "a.bin"
        assert path.read_bytes() == CONTENT
    assert server.asked == [("/a", None)]
    assert [each.name for each in folder.iterdir()] == ["a.bin"]


def test_the_next_mirror_is_asked_when_one_does_not_answer(server: Server, tmp_path: Path) -> None:
    file = remote("http://127.0.0.1:9/a", server.url("missing"), server.url("a"))
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/missing", "/a"]


@pytest.mark.parametrize("path", ["a", "simple"])
def test_a_part_is_continued_where_the_server_can(
    server: Server, tmp_path: Path, path: str
) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    assert fetch(remote(server.url(path)), tmp_path).read_bytes() == CONTENT
    assert server.asked == [(f"/{path}", "bytes=1000-")]


def test_an_answer_that_breaks_off_is_continued_by_the_next(server: Server, tmp_path: Path) -> None:
    assert fetch(remote(server.url("broken"), server.url("a")), tmp_path).read_bytes() == CONTENT
    assert server.asked[1] == ("/a", f"bytes={len(CONTENT) // 2}-")
    with pytest.raises(OSError, match="could not be fetched"):
        fetch(remote(server.url("broken")), tmp_path / "other")
    assert not (tmp_path / "other" / "a.bin").exists()


@pytest.mark.parametrize("path", ["wrong", "longer"])
def test_other_content_is_a_format_error_and_is_not_kept(
    server: Server, tmp_path: Path, path: str
) -> None:
    with pytest.raises(FormatError, match=r"checksum|more bytes than"):
        fetch(remote(server.url(path)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_part_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(b"x" * 1000)
    with pytest.raises(FormatError, match="does not have the checksum"):
        fetch(remote(server.url("a")), tmp_path)
    assert fetch(remote(server.url("a")), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"short", CONTENT[::-1]])
def test_a_file_in_the_cache_is_checked_too(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.bin: .*(must have|checksum)"):
        fetch(remote(), tmp_path)


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"put the file there by hand, 1,280,000 bytes") as caught:
        fetch(remote("http://127.0.0.1:9/a"), tmp_path)
    for word in ("a.bin is not in", str(tmp_path), "CONVLET_CACHE", "http://127.0.0.1:9/a"):
        assert word in str(caught.value)
    (tmp_path / "a.bin").write_bytes(CONTENT)
    assert fetch(remote(), tmp_path).read_bytes() == CONTENT


def test_the_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVLET_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("CONVLET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "convlet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder().parts[-2:] == (".cache", "convlet")
