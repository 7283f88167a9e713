"""Settings: a bad one is named with an example, and the guide knows each of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings, SettingsError, load_settings

GUIDE = Path(__file__).parent.parent / "docs" / "settings.md"
_ROW = re.compile(r"^\| `(TRIBUTARY_\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)

# A wrong value, and a part of the sentence that it earns.
_BAD = {
    "TRIBUTARY_PORT": ("eighty", "valid integer"),
    "TRIBUTARY_DATABASE_URL": ("mysql://db.internal/tributary", "postgres://"),
    "TRIBUTARY_REDIS_URL": ("http://cache.internal", "redis://"),
    "TRIBUTARY_SECRET_KEYS": ("too short", "32 characters"),
    "TRIBUTARY_TRUSTED_PROXIES": ("10.0.0.0/8,everybody", "everybody"),
    "TRIBUTARY_PUBLIC_URL": ("go.example.com", "https://"),
    "TRIBUTARY_FALLBACK_URL": ("javascript:alert(1)", "https://"),
    "TRIBUTARY_LOG_LEVEL": ("LOUD", "'INFO'"),
    "TRIBUTARY_LOG_FORMAT": ("xml", "'json'"),
    "TRIBUTARY_DEMO": ("perhaps", "valid boolean"),
    "TRIBUTARY_EXPLORE": ("somebody", "'signed_in'"),
    "TRIBUTARY_TRUSTED_DOCUMENTS_ONLY": ("partner,public", "public"),
    "TRIBUTARY_DATABASE_POOL_MAX": ("0", "greater than or equal to 1"),
    "TRIBUTARY_WORKER_THREADS": ("1000", "less than or equal to 256"),
}


def rows() -> list[tuple[str, str, str, str]]:
    """The rows of the guide's tables: variable, type, default, meaning."""
    return _ROW.findall(GUIDE.read_text())


def shown(default: Any) -> str:
    """A default as the guide writes it."""
    if default is None or default == ():
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize("variable", _BAD)
def test_a_bad_setting_is_named_with_the_reason_and_an_example(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, reason = _BAD[variable]
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    text = str(refused.value)
    assert text.startswith(f"{variable}: ")
    assert reason in text
    assert f"Example: {variable}=" in text


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_PORT", "eighty")
    monkeypatch.setenv("TRIBUTARY_LOG_LEVEL", "LOUD")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    named = [line.partition(":")[0] for line in str(refused.value).splitlines()]
    assert named == ["TRIBUTARY_PORT", "TRIBUTARY_LOG_LEVEL"]


def test_port_stands_in_for_the_port_of_tributary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8010")
    assert load_settings().port == 8010
    monkeypatch.setenv("TRIBUTARY_PORT", "8020")
    assert load_settings().port == 8020


def test_the_demo_is_refused_unless_the_server_listens_on_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIBUTARY_DEMO", "true")
    assert load_settings().demo
    monkeypatch.setenv("TRIBUTARY_HOST", "192.0.2.1")
    with pytest.raises(SettingsError, match=r"TRIBUTARY_DEMO: .*loopback"):
        load_settings()


def test_the_guide_lists_every_setting_and_no_other() -> None:
    names = [variable for variable, _, _, _ in rows()]
    assert sorted(names) == sorted(f"TRIBUTARY_{name.upper()}" for name in Settings.model_fields)


def test_the_guide_tells_the_defaults() -> None:
    told = {variable: default.strip() for variable, _, default, _ in rows()}
    assert told == {
        f"TRIBUTARY_{name.upper()}": shown(field.get_default())
        for name, field in Settings.model_fields.items()
    }


def test_the_guide_names_only_settings_that_exist() -> None:
    named = set(re.findall(r"TRIBUTARY_[A-Z_]+\b", GUIDE.read_text()))
    assert {name for name in named if name != "TRIBUTARY_"} <= {
        f"TRIBUTARY_{name.upper()}" for name in Settings.model_fields
    }
