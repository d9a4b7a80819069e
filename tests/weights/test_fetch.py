import hashlib
import http.server
import importlib
import re
import socket
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from handful.errors import ConfigError, NotSupported, WeightsError
from handful.weights import CATALOGUE, cache_folder, download, fetch, find_official

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
fetching = importlib.import_module("handful.weights.fetch")


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT at every address but /missing; notes the ranges it was asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.obeys_ranges = True
        self.break_after = None
        self.length_known = True
        self.silent = False

    def url(self, path="/file.pth"):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.server.silent:
            threading.Event().wait(3)
            return
        if self.path != "/file.pth":
            self.send_error({"/missing": 404, "/gone": 410}.get(self.path, 503))
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        if not self.server.obeys_ranges:
            start = 0
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if self.server.length_known:
            self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.break_after])


class Progress:
    def __init__(self):
        self.total, self.done, self.ended = None, 0, 0

    def start(self, task, total):
        self.total = total

    def advance(self, task, steps=1, **values):
        self.done += steps

    def finish(self, task):
        self.ended += 1

    def note(self, text):
        pass


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("sha256", [None, SHA256, SHA256[:8], SHA256.upper()])
def test_a_file_is_fetched_whole_and_progress_is_told(server, tmp_path, sha256):
    progress, target = Progress(), tmp_path / "new" / "file.pth"
    assert download(server.url(), target, sha256=sha256, reporter=progress) == target
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == ["file.pth"]
    assert (progress.total, progress.done, progress.ended) == (len(CONTENT), len(CONTENT), 1)
    assert server.asked == [None]


def test_an_interrupted_download_is_continued(server, tmp_path):
    target = tmp_path / "file.pth"
    server.break_after = 300_000
    with pytest.raises(WeightsError, match="connection failed.*300000 of 1024000.*to continue"):
        download(server.url(), target, sha256=SHA256)
    assert names(tmp_path) == ["file.pth.part"]
    server.break_after = None
    progress = Progress()
    download(server.url(), target, sha256=SHA256, reporter=progress)
    assert server.asked == [None, "bytes=300000-"]
    assert target.read_bytes() == CONTENT
    assert names(tmp_path) == ["file.pth"]
    assert (progress.total, progress.done) == (len(CONTENT), len(CONTENT))


def test_a_server_that_ignores_ranges_sends_all_again(server, tmp_path):
    server.obeys_ranges = False
    (tmp_path / "file.pth.part").write_bytes(CONTENT[:1000])
    download(server.url(), tmp_path / "file.pth", sha256=SHA256)
    assert server.asked == ["bytes=1000-"]
    assert (tmp_path / "file.pth").read_bytes() == CONTENT


def test_a_complete_part_is_only_checked(server, tmp_path):
    (tmp_path / "file.pth.part").write_bytes(CONTENT)
    download(server.url(), tmp_path / "file.pth", sha256=SHA256)
    assert (tmp_path / "file.pth").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path):
    (tmp_path / "file.pth.part").write_bytes(CONTENT + b"x")
    download(server.url(), tmp_path / "file.pth", sha256=SHA256)
    assert server.asked == [f"bytes={len(CONTENT) + 1}-", None]
    assert (tmp_path / "file.pth").read_bytes() == CONTENT


def test_without_a_checksum_nothing_is_continued(server, tmp_path):
    (tmp_path / "file.pth.part").write_bytes(b"of another file")
    download(server.url(), tmp_path / "file.pth")
    assert server.asked == [None]
    assert (tmp_path / "file.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("start", [b"", b"of another file"])
def test_a_wrong_checksum_removes_what_was_fetched(server, tmp_path, start):
    (tmp_path / "file.pth").write_bytes(b"what stood there")
    if start:
        (tmp_path / "file.pth.part").write_bytes(start)
    with pytest.raises(WeightsError, match="wrong checksum and was removed"):
        download(server.url(), tmp_path / "file.pth", sha256=SHA256 if start else "00000000")
    assert names(tmp_path) == ["file.pth"]
    assert (tmp_path / "file.pth").read_bytes() == b"what stood there"


def test_a_server_that_does_not_say_how_much_is_believed_if_the_checksum_holds(server, tmp_path):
    server.length_known = False
    progress = Progress()
    download(server.url(), tmp_path / "file.pth", sha256=SHA256, reporter=progress)
    assert progress.total is None
    server.break_after = 1000
    with pytest.raises(WeightsError, match="wrong checksum"):
        download(server.url(), tmp_path / "other.pth", sha256=SHA256)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing", "no longer at its address.*404.*--url"),
        ("/gone", "no longer at its address.*410"),
        ("/busy", "refused the file.*503.*later"),
    ],
)
def test_what_the_server_refuses_is_told(server, tmp_path, path, message):
    with pytest.raises(WeightsError, match=message):
        download(server.url(path), tmp_path / "file.pth")
    assert names(tmp_path) == []


def test_a_machine_without_network_is_told(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.pth"
        with pytest.raises(WeightsError, match="connection failed.*Check the network"):
            download(url, tmp_path / "file.pth")


def test_a_silent_server_is_not_waited_for(server, tmp_path):
    server.silent = True
    with pytest.raises(WeightsError, match="connection failed.*timed out"):
        download(server.url(), tmp_path / "file.pth", timeout=0.2)


def test_a_full_disk_is_told_before_anything_arrives(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(WeightsError, match="no space left.*MB more are needed"):
        download(server.url(), tmp_path / "file.pth")
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_told(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WeightsError, match="cannot write the fetched file"):
        download(server.url(), tmp_path / "file" / "a.pth")


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://host/file", "weights.pth"])
def test_only_web_addresses_are_fetched(tmp_path, url):
    with pytest.raises(ConfigError, match="not a web address"):
        download(url, tmp_path / "file.pth")


def test_an_official_file_is_fetched_once_by_name(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HANDFUL_HOME", str(tmp_path / "home"))
    for _ in range(2):
        path = fetch("os2d_v2-train.pth", url=server.url(), sha256=SHA256)
    assert path == tmp_path / "home" / "os2d_v2-train.pth"
    assert server.asked == [None]
    path.write_bytes(b"damaged")
    assert fetch("os2d_v2-train.pth", url=server.url(), sha256=SHA256).read_bytes() == CONTENT


def test_the_digits_in_a_name_are_checked(server, tmp_path):
    with pytest.raises(WeightsError, match="wrong checksum.*expected 0676ba61"):
        fetch("resnet50-0676ba61.pth", folder=tmp_path, url=server.url())
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "variant"),
    [("os2d_v2-train.pth", "v2"), ("os2d_v1-train.pth", "v1"), ("os2d_v2-init.pth", "v2")],
)
def test_a_file_without_an_address_says_where_to_get_it(tmp_path, name, variant):
    with pytest.raises(
        NotSupported, match=f"aosokin/os2d.*as .*weights convert .*{name}.*{variant}"
    ):
        fetch(name, folder=tmp_path)
    (tmp_path / name).write_bytes(b"fetched by hand")
    assert fetch(name, folder=tmp_path) == tmp_path / name


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(WeightsError, match="Did you mean 'os2d_v2-train.pth'"):
        find_official("os2d-v2-train.pth")


def test_the_catalogue_is_consistent():
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert bool(entry.url) != bool(entry.where)
        if entry.url:
            assert entry.url.startswith("https://") and entry.url.endswith(entry.name)
            assert entry.sha256 and entry.sha256 in entry.name


def test_mpsrs_published_models_are_all_known():
    entries = [entry for entry in CATALOGUE if entry.name.startswith("mpsr_")]
    bases = [entry for entry in entries if "_base" in entry.name]
    # Of four base sets mmfewshot's own; of VOC's three also the authors', twice; then the shots.
    assert (len(bases), len(entries)) == (4 + 2 * 3, 10 + 3 * 5 + 2)
    for entry in entries:
        variant = entry.name.split("_")[1]
        assert entry.next_step == f"handful weights convert {entry.name} --variant {variant}"
        authors = entry.name.endswith("_authors.pth")
        assert ("jiaxi-wu/MPSR" if authors else "mmfewshot") in entry.where
    row = find_official("mpsr_voc2_10shot.pth").where
    assert "mpsr_r101_fpn_2xb2_voc-split2_10shot-fine-tuning" in row


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {}, "~/.cache/handful"),
        ("linux", {"XDG_CACHE_HOME": "/var/cache"}, "/var/cache/handful"),
        ("darwin", {}, "~/Library/Caches/handful"),
        ("linux", {"HANDFUL_HOME": "~/models"}, "~/models"),
    ],
)
def test_fetched_files_are_kept_where_the_system_keeps_such(
    monkeypatch, system, variables, expected
):
    monkeypatch.setattr(fetching.sys, "platform", system)
    for name in ("HANDFUL_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected).expanduser()
