"""An archive comes back byte by byte, or is refused: damaged, cut off, of a newer format, or made to harm."""

import gzip
import json
import resource
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.backup_archive import member_names
from runtime.backup_archive.archive_reader import verify_archive
from runtime.backup_archive.archive_writer import write_archive
from runtime.backup_archive.manifest import ArchiveRefused
from storage.sqlite_snapshot import table_row_counts, without_free_pages
from tests.unit.runtime.backup_archive.making import FILES, HEADER, altered, make, with_member


def silent(_done: int, _of: int) -> None:
    return


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar"])
def test_everything_comes_back(tmp_path: Path, name: str) -> None:
    archive = make(tmp_path, name=name)
    assert archive.stat().st_mode & 0o777 == 0o600
    verified = verify_archive(archive, silent)
    assert verified.settings == b'default_tenant = "kl"\n'
    assert verified.manifest.rows() == {"sqlite/registry.db": {"t": 3}}
    assert {entry.name: entry.read(10**7) for entry in verified.entries()} == FILES
    assert [entry.name for entry in verified.entries()] == list(FILES)


def test_nothing_is_left_of_one_that_was_broken_off(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), write_archive(tmp_path / "a.tar.gz", HEADER) as archive:
        archive.add("files/lautern.toml", tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar"])
def test_one_cut_off_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    archive = make(tmp_path, name=name)
    whole = archive.read_bytes()
    # Behind the manifest a tar has only zeros.
    for length in range(0, len(whole) - (12_000 if name == "a.tar" else 0), len(whole) // 50):
        archive.write_bytes(whole[:length])
        with pytest.raises(ArchiveRefused):
            verify_archive(archive, silent)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_changed_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    archive = tmp_path / "a.tar"
    if not archive.exists():
        make(tmp_path, name="a.tar")
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:
        spans = [(info.offset_data, info.size) for info in tar if info.name not in {"header.json", "manifest.json"}]
    start, size = data.draw(st.sampled_from(spans))
    at = start + data.draw(st.integers(0, size - 1))
    broken = tmp_path / "broken.tar"
    broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ArchiveRefused, match="SHA-256"):
        verify_archive(broken, silent)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"text\n" * 1000, gzip.compress(b"text\n" * 1000), b"\0" * 20_000):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ArchiveRefused):
            verify_archive(tmp_path / "x", silent)
    with pytest.raises(ArchiveRefused, match="there is no"):
        verify_archive(tmp_path / "none", silent)
    with pytest.raises(ArchiveRefused, match="folder"):
        verify_archive(tmp_path, silent)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd", "/etc/passwd", "files/../../x", "files/lautern.toml/../../x", "files/broker/../x.password",
        "files/broker/.x.password", "sqlite/other.db", "registry/../x.jsonl", "influxdb/../raw-000001.lp",
        "influxdb/x/raw-1.lp", "files/lautern.toml\n", "FILES/lautern.toml", "files//lautern.toml", "",
    ],
)  # fmt: skip
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    assert member_names.most_bytes(name) is None
    if name:
        with pytest.raises(ArchiveRefused):
            verify_archive(with_member(make(tmp_path), tarfile.TarInfo(name), b"x"), silent)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_folders_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("files/installation-id")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(ArchiveRefused, match="plain file"):
        verify_archive(with_member(make(tmp_path), member), silent)


def test_twice_the_same_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="twice"):
        verify_archive(with_member(make(tmp_path), tarfile.TarInfo("files/lautern.toml"), b"x"), silent)


def test_a_member_that_its_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="not in its manifest"):
        verify_archive(with_member(make(tmp_path), tarfile.TarInfo("files/installation-id"), b"x"), silent)


def test_a_missing_member_is_refused(tmp_path: Path) -> None:
    archive = altered(make(tmp_path), lambda info, data: None if info.name.startswith("sqlite") else (info, data))
    with pytest.raises(ArchiveRefused, match=r"registry\.db should be in it"):
        verify_archive(archive, silent)


def test_a_newer_format_is_refused_before_anything_else(tmp_path: Path) -> None:
    def newer(info: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if info.name == "header.json":
            return info, json.dumps({**json.loads(data), "format": 2, "program": "9.0", "new": {}}).encode()
        return tarfile.TarInfo("of/the/future"), data

    with pytest.raises(ArchiveRefused, match=r"format 2, written by Lautern 9\.0"):
        verify_archive(altered(make(tmp_path), newer), silent)


def test_too_large_for_its_name_is_refused_unread(tmp_path: Path) -> None:
    huge = tarfile.TarInfo("files/lautern.toml")
    huge.size = 2**40
    (tmp_path / "x.tar").write_bytes(head(tmp_path) + huge.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(ArchiveRefused, match="too large"):
        verify_archive(tmp_path / "x.tar", silent)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_long_name_that_fills_the_memory_is_refused_unread(tmp_path: Path, kind: bytes) -> None:
    bomb = tarfile.TarInfo("x")
    bomb.type, bomb.size = kind, 2**31
    target = tmp_path / "x.tar.gz"
    with gzip.open(target, "wb", compresslevel=1) as packed:
        packed.write(head(tmp_path) + bomb.tobuf(tarfile.GNU_FORMAT))
        for _ in range(64):
            packed.write(bytes(2**20))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ArchiveRefused, match="plain file"):
        verify_archive(target, silent)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 32_000


@pytest.mark.parametrize("name", ["sqlite/registry.db", "influxdb/x/raw-000001.lp", "files/audit.anchors"])
def test_what_unpacks_to_very_much_is_refused_when_little_of_it_is_read(tmp_path: Path, name: str) -> None:
    """A megabyte that becomes a gigabyte."""
    bomb, target = tarfile.TarInfo(name), tmp_path / "x.tar.gz"
    bomb.size = 2**30 if name.endswith(("db", "anchors")) else 2**28
    with gzip.open(target, "wb", compresslevel=1) as packed:
        packed.write(head(tmp_path) + bomb.tobuf(tarfile.GNU_FORMAT))
        for _ in range(128):
            packed.write(bytes(2**20))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read: list[int] = []
    with pytest.raises(ArchiveRefused, match="unpacks to more than"):
        verify_archive(target, lambda done, _: read.append(done))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 32_000
    assert read[-1] < 2**19


def test_pages_without_content_are_left_out(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.executescript("PRAGMA secure_delete=ON; CREATE TABLE t (x); CREATE TABLE u (x);")
        connection.executemany("INSERT INTO t VALUES (?)", [(bytes(4000),)] * 1000)
        connection.execute("INSERT INTO u VALUES (1)")
        connection.commit()
        assert not without_free_pages(tmp_path / "a.db", tmp_path / "b.db")
        connection.execute("DELETE FROM t")
        connection.commit()
    assert without_free_pages(tmp_path / "a.db", tmp_path / "b.db")
    assert table_row_counts(tmp_path / "b.db") == {"t": 0, "u": 1}
    assert (tmp_path / "b.db").stat().st_size < 20_000 < (tmp_path / "a.db").stat().st_size


def test_nobody_writes_what_nobody_would_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"name it \.tar"):
        make(tmp_path, {"sqlite/registry.db": bytes(2**27)})
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert verify_archive(make(tmp_path, {"sqlite/registry.db": bytes(2**27)}, "a.tar"), silent).manifest.bytes == 2**27


def test_what_data_shrink_to_is_no_bomb(tmp_path: Path) -> None:
    rows = b"".join(b'{"device_id": "L%05d", "level_pct": %d}\n' % (n % 7, n % 3) for n in range(2_000_000))
    archive = make(tmp_path, {"sqlite/registry.db": rows})
    assert verify_archive(archive, silent).manifest.bytes == len(rows) > 2**26


def test_a_million_small_members_are_refused_after_a_few(tmp_path: Path) -> None:
    target = tmp_path / "x.tar"
    with target.open("wb") as file:
        file.write(head(tmp_path))
        for number in range(20_000):
            name = f"files/broker/{''.join(chr(97 + int(c)) for c in str(number))}.password"
            file.write(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(ArchiveRefused, match="too many members"):
        verify_archive(target, silent)


def test_a_manifest_without_measure_is_refused_unread(tmp_path: Path) -> None:
    huge = tarfile.TarInfo("manifest.json")
    huge.size = 2**22
    (tmp_path / "x.tar").write_bytes(head(tmp_path) + huge.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(ArchiveRefused, match="too large"):
        verify_archive(tmp_path / "x.tar", silent)


def head(folder: Path) -> bytes:
    """A good header, as it stands in a tar."""
    archive = make(folder, {}, "head.tar")
    with tarfile.open(archive) as tar:
        end = tar.getmembers()[1].offset
    return archive.read_bytes()[:end]
