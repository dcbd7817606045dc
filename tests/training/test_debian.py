"""Texts of Debian's packages: what is said before, what is kept after, and what failures leave."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest

from isoloss.errors import InputError
from isoloss.training import debian
from isoloss.training.debian import fetch, look_up
from isoloss.training.sources import documents, find_source
from tests.training.debs import FakeApt, dictionary, module, synsets

pytestmark = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None or os.name != "posix",
    reason="packages are made and unpacked by dpkg-deb",
)
NAME = "dict-gcide"


@pytest.fixture
def corpora(tmp_path):
    return tmp_path / "corpora"


@pytest.fixture
def apt(tmp_path, corpora, monkeypatch):
    apt = FakeApt(tmp_path / "apt")
    apt.offer(NAME, dictionary())
    apt.use(monkeypatch, corpora)
    return apt


def left(corpora):
    """What lies in the folder of packages, locks aside."""
    folder = corpora / "debian"
    return sorted(one.name for one in folder.iterdir() if not one.name.endswith(".lock"))


def test_what_would_be_downloaded_is_said_and_nothing_is(apt, corpora) -> None:
    offer = look_up(f"debian:{NAME}")
    assert (offer.package, offer.version, offer.here) == (NAME, "1.0-1", False)
    assert offer.bytes == (apt.folder / f"{NAME}.deb").stat().st_size
    assert offer.licence == "GPL-2+"
    assert not corpora.exists()
    assert apt.downloads == []


def test_a_fetched_package_is_a_source_and_is_not_fetched_again(apt, corpora) -> None:
    said = []
    found = fetch(look_up(NAME), say=said.append)
    assert said == [f"downloading {NAME} 1.0-1, {found.bytes:,} bytes"]
    # The licence is what the package's own file says.
    assert (found.here, found.licence) == (True, "GPL-2-test")
    home = corpora / "debian" / NAME
    assert "Files: *" in (home / "copyright").read_text()
    assert sorted(one.name for one in home.iterdir()) == ["copyright", "files", "source.json"]
    assert list(documents(f"debian:{NAME}")) == ["apple\n  A fruit.\n", "zebra\n  An animal.\n"]
    source = find_source(f"debian:{NAME}")
    assert (source.licence, source.edition) == ("GPL-2-test", f"{NAME} 1.0-1")
    assert fetch(look_up(NAME)) == found
    assert apt.downloads == [f"{NAME}=1.0-1"]


def test_a_relative_folder_will_do(apt, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOLOSS_CORPORA", "here")
    fetch(look_up(NAME))
    assert len(list(documents(f"debian:{NAME}"))) == 2
    assert len(list(documents("here/debian/dict-gcide"))) == 2


def test_a_copied_folder_will_do_where_there_is_no_apt(apt, corpora, tmp_path, monkeypatch) -> None:
    fetch(look_up(NAME))
    copied = shutil.copytree(corpora / "debian" / NAME, tmp_path / "copied")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert len(list(documents(str(copied)))) == 2
    assert look_up(NAME).here
    with pytest.raises(InputError) as caught:
        look_up("wordnet-base")
    assert caught.value.code == "no_apt"
    assert "copy the folder" in (caught.value.hint or "")


def test_other_packages_are_read(apt) -> None:
    apt.offer("wordnet-base", synsets())
    apt.offer("sword-comm-tdavid", module())
    apt.offer("linux-doc", {}, depends="linux-doc-9.1 (= 1.0-1), other")
    sources = "usr/share/doc/linux-doc-9.1/html/_sources"
    pages = {f"{sources}/a/b.rst.txt": b"A title", f"{sources}/other.png": b"no text"}
    apt.offer("linux-doc-9.1", pages)
    for name in ("wordnet-base", "sword-comm-tdavid", "linux-doc"):
        fetch(look_up(name))
    assert list(documents("debian:wordnet-base")) == ['very small, tiny: not large; "a tiny bit"']
    chapters = ["Preface & more", "In the beginning.\nThen", "came light."]
    assert list(documents("debian:sword-comm-tdavid")) == chapters
    assert list(documents("debian:linux-doc")) == ["A title"]
    assert look_up("linux-doc").package == "linux-doc-9.1"


@pytest.mark.parametrize(
    ("fault", "code"),
    [("fail", "download_failed"), ("full", "disk_full"), ("short", "damaged_download")],
)
def test_a_failed_download_leaves_nothing(apt, corpora, monkeypatch, fault, code) -> None:
    monkeypatch.setenv("FAKE_APT", fault)
    with pytest.raises(InputError) as caught:
        fetch(look_up(NAME))
    assert caught.value.code == code
    assert left(corpora) == []
    monkeypatch.delenv("FAKE_APT")
    assert fetch(look_up(NAME)).here


def test_a_disk_that_fills_while_unpacking_leaves_nothing(apt, corpora, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(debian.shutil, "copyfileobj", full)
    with pytest.raises(InputError) as caught:
        fetch(look_up(NAME))
    assert caught.value.code == "disk_full"
    assert left(corpora) == []


def test_a_killed_call_leaves_no_source_and_the_next_one_mends_it(apt, corpora) -> None:
    call = [sys.executable, "-m", "isoloss", "corpus", "fetch", NAME, "--yes", "--json"]
    killed = subprocess.run(
        call, env=os.environ | {"FAKE_APT": "kill"}, capture_output=True, check=False
    )
    assert killed.returncode == -9
    assert left(corpora) == [f".fetching-{NAME}"]
    with pytest.raises(InputError) as caught:
        next(documents(f"debian:{NAME}"))
    assert caught.value.code == "not_fetched"
    assert f"isoloss corpus fetch {NAME}" in (caught.value.hint or "")
    again = subprocess.run(call, capture_output=True, check=True)
    assert json.loads(again.stdout)["packages"][0]["here"]
    assert left(corpora) == [NAME]


def test_a_second_process_does_not_fetch_the_same(apt, corpora) -> None:
    from isoloss.training.locks import held

    offer = look_up(NAME)
    (corpora / "debian").mkdir(parents=True)
    with held(corpora / "debian" / f".{NAME}.lock"), pytest.raises(InputError) as caught:
        fetch(offer)
    assert caught.value.code == "locked"


def test_what_is_not_offered_or_not_known_is_said(apt) -> None:
    for name, code in (("perl-doc", "not_offered"), ("no-such-thing", "unknown_package")):
        with pytest.raises(InputError) as caught:
            look_up(name)
        assert caught.value.code == code


@pytest.mark.parametrize("damage", ["source.json", "files/usr/share/dictd/gcide.dict.dz"])
def test_damaged_texts_are_refused(apt, corpora, damage) -> None:
    fetch(look_up(NAME))
    path = corpora / "debian" / NAME / damage
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError) as caught:
        list(documents(f"debian:{NAME}"))
    assert caught.value.code == "bad_package"


def test_another_folder_by_option_variable_or_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ISOLOSS_CORPORA", raising=False)
    assert debian.corpora_folder() == tmp_path / "cache" / "isoloss" / "corpora"
    monkeypatch.setenv("ISOLOSS_CORPORA", str(tmp_path / "named"))
    assert debian.corpora_folder() == tmp_path / "named"
    assert debian.corpora_folder(tmp_path / "asked") == tmp_path / "asked"
