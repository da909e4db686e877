"""A09: archives made to harm whoever restores them, given to the whole program."""

import gzip
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runtime import exit_codes
from runtime.backup_archive.manifest import TelemetrySource
from tests.faults.conftest import Report
from tests.system.installation import ROOT
from tests.system.test_backup import lautern
from tests.unit.runtime.backup_archive.making import FILES, make, with_member
from tests.unit.runtime.backup_archive.test_archive import head

pytestmark = pytest.mark.timeout(120)
TOKEN = "token-of-the-environment"
MORE_MB = 64
"""What a bomb may cost above a good archive: reliability.md A09."""


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """An address of the attacker's, and what was sent there."""
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(f"{self.path} {self.headers}")
            self.send_error(500)

        do_POST = do_GET  # noqa: N815 - named by the library

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_nothing_of_its_settings_is_followed_elsewhere(tmp_path: Path, report: Report) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.mkdir()
    with listening() as (address, heard):
        attacks = {
            "store of its own": f'[store]\nkind = "influxdb"\nurl = "{address}"\n',
            "registry outside": f'[registry]\nurl = "sqlite:///{outside}/registry.db"\n',
            "registry by ..": f'[registry]\nurl = "sqlite:///{home}/../outside/registry.db"\n',
            "registry by an URI": f'[registry]\nurl = "sqlite:///file:{outside}/r.db?uri=true"\n',
            "registry of its own": '[registry]\nurl = "postgresql://x:y@127.0.0.1:1/x"\n',
            "key of the audit log": f'[audit]\nkey_file = "{outside}/audit.key"\n',
            "broker of its own": f'[broker]\nmode = "external"\nurl = "{address.replace("http", "mqtt")}"\n',
            "mail of its own": '[mail]\nhost = "evil.example"\n',
            "future backups to its maker": f'[backup]\nrecipients = ["age1{"q" * 58}"]\n',
        }
        for name, text in attacks.items():
            kept = TelemetrySource(kind="influxdb" if "influxdb" in text else "none")
            archive = make(tmp_path, {**FILES, "files/lautern.toml": text.encode()}, "evil.tar.gz", telemetry=kept)
            done = lautern("restore", archive, "--data-dir", home, LAUTERN_STORE__TOKEN=TOKEN)
            assert done.returncode == exit_codes.USAGE, (name, done.stderr)
            assert "--trust-settings" in done.stderr
            assert TOKEN not in done.stderr
            assert not home.exists(), name
            assert list(outside.iterdir()) == [], name
        assert heard == []
        # The check of the test itself: who says that the settings are his is taken at his word.
        archive = make(
            tmp_path,
            {**FILES, "files/lautern.toml": attacks["store of its own"].encode()},
            "trusted.tar.gz",
            telemetry=TelemetrySource.model_validate(
                {"kind": "influxdb", "buckets": [{"kind": "lamp", "rollups": False, "retention_s": 0, "values": 0}]}
            ),
        )
        done = lautern("restore", archive, "--data-dir", home, "--trust-settings", LAUTERN_STORE__TOKEN=TOKEN)
        assert done.returncode != 0
        assert any(TOKEN in one for one in heard)
    report("A09", f"restore of {len(attacks)} archives whose settings lead elsewhere", "nats-sqlite",
           refused=len(attacks), written_outside=0, requests_to_others=0)  # fmt: skip


@pytest.mark.parametrize("bomb", ["1 MB that becomes 1 GB", "1,000,000 members", "a symbolic link", "an absolute path"])
def test_bombs_are_refused_early(tmp_path: Path, bomb: str, report: Report) -> None:
    good_mb, good = peak_of("restore", "--check", make(tmp_path))
    assert good.returncode == 0, good.stderr
    archive = made(tmp_path, bomb)
    before = sorted(tmp_path.rglob("*"))
    peak_mb, done = peak_of("restore", archive, "--data-dir", tmp_path / "home")
    assert done.returncode == exit_codes.FAILED, done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert peak_mb < good_mb + MORE_MB
    report("A09", f"restore of an archive with {bomb}", "nats-sqlite",
           archive_kb=archive.stat().st_size // 1000, mb_above_a_good_one=round(peak_mb - good_mb),
           written=0)  # fmt: skip


def made(folder: Path, bomb: str) -> Path:
    """The archive that the test is named after."""
    link = tarfile.TarInfo("files/installation-id")
    if bomb == "a symbolic link":
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        return with_member(make(folder), link)
    if bomb == "an absolute path":
        return with_member(make(folder), tarfile.TarInfo("/etc/cron.d/lautern"), b"x")
    target = folder / "bomb.tar.gz"
    with gzip.open(target, "wb") as file:
        file.write(head(folder))
        if bomb == "1,000,000 members":
            member = tarfile.TarInfo("files/broker/aaaaaaaa.password").tobuf(tarfile.GNU_FORMAT)
            for number in range(1_000_000):
                name = "".join(chr(97 + int(digit)) for digit in f"{number:08}").encode()
                file.write(member.replace(b"aaaaaaaa", name, 1) if number < 10_000 else member)
        else:
            large = tarfile.TarInfo("sqlite/registry.db")
            large.size = 2**30
            file.write(large.tobuf(tarfile.GNU_FORMAT))
            for _ in range(2**10):
                file.write(bytes(2**20))
    return target


def peak_of(*arguments: object) -> "tuple[float, subprocess.CompletedProcess[str]]":
    """Run the command line; its largest resident memory in MB."""
    program = (
        "import resource, subprocess, sys; "
        "done = subprocess.run([sys.executable, '-m', 'cli', *sys.argv[1:]], check=False); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LAUTERN_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT, env=kept, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return int(done.stdout.split()[-1]) / 1024, done
