"""The shipped accelerators, and the rows that users add."""

from __future__ import annotations

import datetime

import pytest

from isoloss.errors import InputError
from isoloss.planning.hardware import Device, get_device, list_devices

# Dense bf16 peak of one chip and memory, as the table of sources has them.
TABLE = {
    "a100": (312e12, 80e9),
    "h100": (989e12, 80e9),
    "h100-pcie": (756e12, 80e9),
    "h200": (989e12, 141e9),
    "h20": (148e12, 96e9),
    "b200": (2250e12, 180e9),
    "b300": (2250e12, 288e9),
    "gb300": (2500e12, 288e9),
    "mi300x": (1307e12, 192e9),
    "mi355x": (2500e12, 288e9),
    "tpu-v5e": (197e12, 16e9),
    "tpu-v5p": (459e12, 95e9),
    "tpu-v6e": (918e12, 32e9),
    "tpu-7x": (2307e12, 192e9),
    "trainium2": (667e12, 96 * 2**30),
}


@pytest.mark.parametrize("name", TABLE)
def test_peak_and_memory(name):
    device = get_device(name)
    assert (device.bf16_flop_per_s, device.memory_bytes) == TABLE[name]


def test_every_row_says_what_it_is_and_who_says_so():
    for device in list_devices():
        assert device.vendor
        assert device.name
        assert device.source
        assert device.unit == "chip"
        assert datetime.date.fromisoformat(device.checked) <= datetime.date(2100, 1, 1)
        assert set(device.unconfirmed) <= {"memory_bytes", "fp8_flop_per_s"}
        if device.fp8_flop_per_s is not None:
            assert device.fp8_flop_per_s == pytest.approx(2 * device.bf16_flop_per_s, rel=1e-3)


def test_no_price_is_shipped():
    assert all(device.price_per_hour is None for device in list_devices())


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA A100-SXM4-40GB", "a100-40gb"),
        ("nvidia geforce rtx 4090", "rtx4090"),
        ("H100", "h100"),
        ("TPU v5p", "tpu-v5p"),
        ("Trainium 2", "trainium2"),
    ],
)
def test_names_as_people_and_tools_write_them(printed, found):
    assert get_device(printed).id == found


def test_names_are_not_ambiguous():
    from isoloss.planning.hardware.devices import _word

    words = [
        word
        for d in list_devices()
        for word in {_word(name) for name in (d.id, d.name, *d.aliases)}
    ]
    assert len(words) == len(set(words))


def test_disputed_and_remembered_facts_say_so():
    assert "disagree" in get_device("h800").caution
    assert get_device("rtx4090").unconfirmed == ("memory_bytes",)


@pytest.mark.parametrize(("name", "guess"), [("h10", "h100"), ("mi300", "mi300x"), ("", "")])
def test_unknown_hardware(name, guess):
    with pytest.raises(InputError) as caught:
        get_device(name)
    assert caught.value.code == "unknown_hardware"
    assert f"Did you mean {guess}" in str(caught.value) or not guess


def write(folder, text, name="isoloss.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_user_overrides_and_adds(tmp_path, monkeypatch):
    write(
        tmp_path,
        "[hardware]\nmfu = 0.4\n[hardware.h100]\nprice_per_hour = 2.5\n"
        "[hardware.my-chip]\nbf16_flop_per_s = 1e14\nmemory_bytes = 16e9\naliases = ['ours']\n",
    )
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert get_device("h100").price_per_hour == 2.5
    assert get_device("h100").bf16_flop_per_s == 989e12
    assert "data sheet" in get_device("h100").source
    assert get_device("Ours") == get_device("my-chip")
    assert get_device("my-chip").bf16_flop_per_s == 1e14


def test_user_numbers_carry_the_user_as_source(tmp_path):
    path = write(tmp_path, "[hardware.h800]\nbf16_flop_per_s = 989e12\n", "chips.toml")
    device = get_device("h800", path)
    assert device.caution == ""
    assert "chips.toml" in device.source


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("[hardware.x]\nmemory_bytes = 1e9\n", "bad_device", "bf16_flop_per_s is missing"),
        ("[hardware.x]\nbf16_flop_per_s = 0\n", "bad_device", "found 0"),
        ("[hardware.x]\nbf16_flop_per_s = true\n", "bad_device", "found True"),
        ("[hardware.x]\nbf16_flop_per_s = 'fast'\n", "bad_device", "found 'fast'"),
        ("[hardware.h100]\nprice_per_hour = -2\n", "bad_device", "found -2"),
        ("[hardware.h100]\nprice_hour = 2\n", "bad_device", 'Did you mean "price_per_hour"'),
        ("[hardware.h100]\naliases = 3\n", "bad_device", "list of texts"),
        ("[hardware", "bad_hardware_file", "TOML"),
        ("[plan]\n", "bad_hardware_file", "no [hardware.ID] table"),
    ],
)
def test_bad_tables(tmp_path, text, code, part):
    path = write(tmp_path, text, "chips.toml")
    with pytest.raises(InputError) as caught:
        list_devices(path)
    assert caught.value.code == code
    assert "chips.toml" in str(caught.value)
    assert part in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        list_devices(tmp_path / "none.toml")


def test_a_device_is_taken_as_it_is():
    device = Device("x", 1e12)
    assert get_device(device) is device
    assert str(device) == "x"
