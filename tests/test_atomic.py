"""A file is either whole or untouched, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from isoloss.atomic import replacing, write_bytes, write_text
from isoloss.errors import InputError


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    write_text(path, "old α\n")
    assert path.read_bytes() == "old α\n".encode()
    write_bytes(path, b"new\r\n")
    assert path.read_bytes() == b"new\r\n"
    assert os.listdir(tmp_path) == ["fit.json"]


def test_lends_a_path_in_the_same_folder_with_the_same_ending(tmp_path: Path) -> None:
    path = tmp_path / "draws.npz"
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".npz"
        assert not path.exists()
        temporary.write_bytes(b"data")
    assert path.read_bytes() == b"data"
    assert not temporary.exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failure_in_the_block_leaves_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "fit.json"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["fit.json"]


def test_keeps_permissions_and_links(tmp_path: Path) -> None:
    path = tmp_path / "real.json"
    path.write_text("old")
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    write_text(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_new_file_follows_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    before = os.umask(0o027)
    try:
        write_text(path, "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_killed_in_the_middle_of_a_write(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("old")
    finished = run_python(
        """
        import os, signal, sys
        from isoloss.atomic import replacing
        with replacing(sys.argv[1]) as temporary:
            with temporary.open("w") as file:
                file.write("half of the n")
                file.flush()
                os.kill(os.getpid(), signal.SIGKILL)
        """,
        str(path),
    )
    assert finished.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    left = [name for name in os.listdir(tmp_path) if name != "runs.csv"]
    assert all(name.startswith(".isoloss-") for name in left)
    write_text(path, "new")
    assert path.read_text() == "new"


def test_full_disk_while_flushing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="no room left") as caught:
        write_text(path, "new")
    assert caught.value.code == "disk_full"
    assert caught.value.where.file == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["runs.csv"]


def test_full_disk_while_writing(tmp_path: Path) -> None:
    # A limit on the size of files makes the operating system itself refuse the write.
    path = tmp_path / "runs.csv"
    path.write_text("old")
    finished = run_python(
        """
        import resource, sys
        from isoloss.atomic import write_bytes
        from isoloss.errors import InputError
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_bytes(sys.argv[1], b"x" * 100_000)
        except InputError as error:
            print(error.code)
        """,
        str(path),
    )
    assert finished.stdout.strip() == "disk_full", finished.stderr
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["runs.csv"]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist") as caught:
        write_text(tmp_path / "nowhere" / "fit.json", "new")
    assert caught.value.code == "no_such_folder"
    assert "mkdir -p" in (caught.value.hint or "")
    assert os.listdir(tmp_path) == []


def test_folder_or_device_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder"):
        write_text(tmp_path, "new")
    with pytest.raises(InputError, match="not a regular file"):
        write_text("/dev/null", "new")
    assert os.listdir(tmp_path) == []


def test_file_instead_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("old")
    with pytest.raises(InputError) as caught:
        write_text(tmp_path / "runs.csv" / "fit.json", "new")
    assert caught.value.code == "write_failed"
    assert (tmp_path / "runs.csv").read_text() == "old"


def test_not_permitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Simulated, because a closed folder does not stop the superuser that tests may run as.
    path = tmp_path / "fit.json"
    path.write_text("old")

    def closed(_path: Path, mode: int = 0o666, exist_ok: bool = True) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", closed)
    with pytest.raises(InputError, match="not permitted") as caught:
        write_text(path, "new")
    assert caught.value.code == "not_writable"
    assert path.read_text() == "old"
