"""Settings from defaults, file and environment, and how their faults are told."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from firki.config import Settings, effective, example, load, read
from firki.config.page import render
from firki.config.tree import Account, is_loopback
from firki.errors import ConfigError

HOME = {"HOME": "/home/ann"}
CANARY = "kx7CANARYsecret"
ACCOUNT = f"""
[[accounts]]
name = "main"
api_key = "{CANARY}"
access_token_file = "token"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def refused(file: Path, text: str = "", **environ: str) -> str:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, {**HOME, **environ})
    return str(caught.value)


def settings_of(kind: type[BaseModel]) -> set[str]:
    return {
        f"{section}.{name}"
        for section, field in kind.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for name in field.annotation.model_fields
    }


def test_without_any_source_the_defaults_hold() -> None:
    settings = load(None, HOME)
    assert settings.data.folder == Path("/home/ann/.local/share/firki")
    assert settings.log_folder == Path("/home/ann/.local/share/firki/logs")
    assert (settings.serve.host, settings.serve.port) == ("127.0.0.1", 8080)
    assert settings.capture.mode == "full"
    assert settings.accounts == ()


def test_the_data_folder_follows_xdg() -> None:
    settings = load(None, {**HOME, "XDG_DATA_HOME": "/big/disk"})
    assert settings.data.folder == Path("/big/disk/firki")


def test_the_users_own_file_is_read_when_it_exists(tmp_path: Path) -> None:
    own = tmp_path / "firki" / "config.toml"
    own.parent.mkdir()
    own.write_text("[serve]\nport = 9001\n")
    loaded = read(None, {**HOME, "XDG_CONFIG_HOME": str(tmp_path)})
    assert loaded.settings.serve.port == 9001
    assert loaded.origins == {"serve.port": f"file:{own}"}


def test_the_environment_goes_before_the_file(file: Path) -> None:
    file.write_text('[serve]\nport = 9001\nhost = "::1"\n')
    loaded = read(file, {**HOME, "FIRKI_SERVE__PORT": "0"})
    assert (loaded.settings.serve.port, loaded.settings.serve.host) == (0, "::1")
    origins = {row.key: row.origin for row in effective(loaded)}
    assert origins["serve.port"] == "env:FIRKI_SERVE__PORT"
    assert origins["serve.host"] == f"file:{file}"
    assert origins["serve.public_url"] == "default"


@pytest.mark.parametrize("text", ["NSE:INFY, 408065 ,NSE:*", '["NSE:INFY", 408065, "NSE:*"]'])
def test_a_list_in_the_environment_is_json_or_comma_separated(text: str) -> None:
    settings = load(None, {**HOME, "FIRKI_CAPTURE__WANT": text})
    assert settings.capture.want == ("NSE:INFY", 408065, "NSE:*")


def test_an_empty_list_in_the_environment_clears_the_default() -> None:
    assert load(None, {**HOME, "FIRKI_LIVE__INTERVALS": ""}).live.intervals == ()


def test_accounts_can_come_from_the_environment() -> None:
    row = {"name": "a", "api_key": CANARY, "access_token_file": "/run/token"}
    loaded = read(None, {**HOME, "FIRKI_ACCOUNTS": json.dumps([row])})
    assert loaded.settings.accounts[0].access_token_file == Path("/run/token")
    assert CANARY not in str(effective(loaded))


def test_paths_begin_at_the_file_or_at_home(file: Path) -> None:
    file.write_text(f'[data]\nfolder = "~/ticks"\n[calendar]\noverrides = "mine.toml"\n{ACCOUNT}')
    settings = load(file, HOME)
    assert settings.data.folder == Path("/home/ann/ticks")
    assert settings.calendar.overrides == file.parent / "mine.toml"
    assert settings.accounts[0].access_token_file == file.parent / "token"


def test_secrets_are_hidden_wherever_settings_are_shown(file: Path) -> None:
    file.write_text(ACCOUNT)
    loaded = read(file, HOME)
    assert loaded.settings.accounts[0].api_key.get_secret_value() == CANARY
    shown = [repr(loaded), str(loaded.settings), str(effective(loaded))]
    assert not [text for text in shown if CANARY in text]


def test_secrets_are_hidden_in_refusals(file: Path) -> None:
    text = f"""
    [[accounts]]
    name = "a"
    api_key = ["{CANARY}"]
    api_secret = "{CANARY}"
    access_token_file = "x"
    """
    assert CANARY not in refused(file, text)
    assert CANARY not in refused(file, "", FIRKI_ACCOUNTS=f"{CANARY},{CANARY}")
    assert CANARY not in refused(file, "", FIRKI_ACCOUNTS=f'[{{"api_key": 5, "x": "{CANARY}"}}]')


def test_every_fault_is_told_at_once_with_its_source(file: Path) -> None:
    told = refused(
        file,
        """
        colour = "red"
        [captur]
        x = 1
        [capture]
        want = ["nse:infy", 5000000000, "*", "NSE:INFY"]
        mode = "fast"
        strict = "yes"
        [serve]
        host = "0.0.0.0"
        [live]
        intervals = ["7x", "2h"]
        [calendar]
        changes = 2026-12-07
        """,
        FIRKI_SERVE__PORT="eighty",
        FIRKI_SERV__PORT="1",
        FIRKI_DATA="x",
        FIRKI_JOURNAL__FSYNC_MILLISECONDS="0",
    ).splitlines()
    assert told[0] == "14 settings are wrong:"
    for piece in [
        "colour: no such setting",
        "captur: no such setting; did you mean capture?",
        'capture.want[0]: expected a key such as "NSE:INFY", a token such as 408065, or "NSE:*"',
        "capture.want[1]: expected a token from 1 to 4294967295, found 5000000000",
        "capture.want[2]: expected a key",
        "capture.mode: expected 'ltp', 'quote' or 'full', found \"fast\"",
        'capture.strict: expected a valid boolean, found "yes"',
        "serve.host: expected 127.0.0.1, ::1 or localhost: firki serves loopback only",
        'live.intervals[0]: expected "90m"',
        'calendar.changes: expected a valid array, found "2026-12-07"',
        'serve.port: expected a valid integer, found "eighty" (env:FIRKI_SERVE__PORT)',
        "FIRKI_SERV__PORT: no such setting",
        "FIRKI_DATA: no such setting",
        "journal.fsync_milliseconds: expected greater than or equal to 1, found 0",
    ]:
        assert sum(piece in line for line in told) == 1, piece
    assert sum(f"(file:{file})" in line for line in told) == 10


def test_what_is_missing_in_an_account_is_named(file: Path) -> None:
    told = refused(file, '[[accounts]]\nname = "a"\n')
    assert f"accounts[0].api_key: missing (file:{file})" in told
    assert f"accounts[0].access_token_file: missing (file:{file})" in told


def test_two_accounts_of_one_name_are_refused(file: Path) -> None:
    told = refused(file, ACCOUNT + ACCOUNT)
    assert "accounts: expected a name of its own for each" in told
    assert str(file) in told


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a file, found nothing"):
        load(tmp_path / "none.toml", HOME)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, HOME)


@pytest.mark.parametrize("text", ["[serve", "serve = [", "a = 1\na = 2"])
def test_a_file_that_is_not_toml_is_told_with_the_other_faults(file: Path, text: str) -> None:
    told = refused(file, text, FIRKI_LOG__LEVEL="LOUD")
    assert "not TOML" in told
    assert "log.level" in told


def test_bytes_that_are_not_utf8_are_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe[serve]")
    with pytest.raises(ConfigError, match="not TOML in UTF-8"):
        load(file, HOME)


@pytest.mark.parametrize("text", ["serve = 3", "[serve.deep]\nx = 1", "accounts = 5", "data = 1"])
def test_a_value_where_a_section_belongs_is_refused(file: Path, text: str) -> None:
    assert text.strip("[").split()[0].split(".")[0] in refused(file, text)


def test_a_fault_in_the_file_is_told_though_the_environment_overrides_it(file: Path) -> None:
    assert "serve: " in refused(file, "serve = 3", FIRKI_SERVE__PORT="9001")


def test_an_index_needs_a_key_of_its_own() -> None:
    for wrong in ("NSE:*", "NIFTY 50", "256265", "nse:nifty"):
        with pytest.raises(ConfigError, match=r"universe\.indices"):
            load(None, {**HOME, "FIRKI_UNIVERSE__INDICES": wrong})


def test_other_peoples_names_in_the_environment_are_left_alone() -> None:
    assert load(None, {**HOME, "FIRKI_LONG": "1", "PATH": "/bin"}) == load(None, HOME)


@pytest.mark.parametrize(
    ("root", "websocket"),
    [
        ("http://10.0.0.5:8080", "wss://ws.kite.trade"),
        ("https://api.kite.trade", "ws://ws.kite.trade"),
        ("ftp://api.kite.trade", "wss://ws.kite.trade"),
        ("https://me:pw@api.kite.trade", "wss://ws.kite.trade"),
        ("https://", "wss://ws.kite.trade"),
        ("http://127.0.0.1:99999", "wss://ws.kite.trade"),
    ],
)
def test_a_token_never_travels_in_the_clear_to_another_machine(
    file: Path, root: str, websocket: str
) -> None:
    told = refused(file, f'{ACCOUNT}root = "{root}"\nwebsocket = "{websocket}"\n')
    assert told.startswith("one setting is wrong")


def test_a_simulator_on_this_machine_needs_no_tls(file: Path) -> None:
    file.write_text(f'{ACCOUNT}root = "http://127.0.0.1:5000/"\nwebsocket = "ws://[::1]:5001"\n')
    account = load(file, HOME).accounts[0]
    assert (account.root, account.websocket) == ("http://127.0.0.1:5000", "ws://[::1]:5001")


@pytest.mark.parametrize("name", ["90m", "2h", "7minute", "1hour", "day", "1d", "Week", "1mo"])
def test_intervals_are_taken_in_every_spelling(name: str) -> None:
    assert load(None, {**HOME, "FIRKI_LIVE__INTERVALS": name}).live.intervals == (name.lower(),)


@pytest.mark.parametrize("name", ["0m", "1441m", "25h", "99999999999999999999m"])
def test_an_interval_is_no_longer_than_a_day(name: str) -> None:
    with pytest.raises(ConfigError, match=r"live\.intervals\[0\]: expected"):
        load(None, {**HOME, "FIRKI_LIVE__INTERVALS": name})


@given(st.ip_addresses(v=4) | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_all_of_net_127_is_loopback_and_nothing_else(address: object) -> None:
    assert is_loopback(str(address)) == str(address).startswith("127.")


def test_names_that_only_look_local_are_not_loopback() -> None:
    assert is_loopback("localhost")
    assert is_loopback("::1")
    for name in ["", "localhost.evil.example", "127.0.0.1.nip.io", "0.0.0.0", "::"]:
        assert not is_loopback(name)


def test_the_tree_cannot_be_changed() -> None:
    settings = load(None, HOME)
    with pytest.raises(ValidationError):
        settings.serve.port = 1


def test_the_example_holds_every_setting_and_loads_as_the_defaults(file: Path) -> None:
    text = example()
    tables = tomllib.loads(text)
    assert {f"{section}.{key}" for section, t in tables.items() for key in t} == settings_of(
        Settings
    )
    for name in Account.model_fields:
        assert f"# {name} = " in text
    file.write_text(text)
    assert load(file, HOME) == load(None, HOME)


def test_the_examples_account_loads_once_it_is_uncommented(file: Path) -> None:
    text = example()
    start = text.index("# [[accounts]]")
    sample = text[start : text.index("\n\n", start)]
    file.write_text("\n".join(line.removeprefix("# ") for line in sample.splitlines()))
    [account] = load(file, HOME).accounts
    assert (account.root, account.max_instruments) == ("https://api.kite.trade", 3000)


def test_every_setting_is_described_and_shown(file: Path) -> None:
    file.write_text(ACCOUNT)
    shown = {row.key for row in effective(read(file, HOME))}
    assert shown == settings_of(Settings) | {f"accounts[0].{name}" for name in Account.model_fields}
    kinds = [f.annotation for f in Settings.model_fields.values()] + [Account]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            assert all(field.description for field in kind.model_fields.values()), kind


def test_rows_in_force_are_plain_json(file: Path) -> None:
    file.write_text(ACCOUNT)
    rows = effective(read(file, HOME))
    assert json.loads(json.dumps(rows)) == [list(row) for row in rows]


def page_parts() -> dict[str, str]:
    """Every setting's part of the page, by its heading."""
    page = (Path(__file__).parents[2] / "docs/settings.md").read_text()
    return dict(re.findall(r"^### (\S+)\n\n(.*?)(?=\n#|\Z)", page, re.DOTALL | re.MULTILINE))


def test_the_page_is_what_the_settings_say_now() -> None:
    page = Path(__file__).parents[2] / "docs/settings.md"
    assert page.read_text() == render(), "run: python -m firki.config.page > docs/settings.md"


def test_every_setting_has_its_place_on_the_page_with_its_default() -> None:
    parts = page_parts()
    accounts = {f"accounts.{name}" for name in Account.model_fields}
    assert parts.keys() == settings_of(Settings) | accounts
    defaults = tomllib.loads(example())
    for key in settings_of(Settings):
        section, name = key.split(".")
        assert f"Default: `{json.dumps(defaults[section][name])}`." in parts[key], key


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("capture.mode", 'one of `"ltp"`, `"quote"`, `"full"`'),
        ("log.level", 'one of `"DEBUG"`, `"INFO"`, `"WARNING"`, `"ERROR"`'),
        ("serve.port", "a whole number from 0 up to 65535"),
        ("capture.silence_seconds", "a number above 0 up to 86400"),
        ("capture.day_begins", 'a time from "00:00" to "09:00"'),
        ("universe.indices", 'a list of keys such as "NSE:INFY"'),
        ("calendar.changes", "a list of names"),
        ("capture.strict", "`true` or `false`"),
        ("accounts.api_key", "a text, which is never shown"),
    ],
)
def test_the_page_says_what_a_setting_takes(key: str, words: str) -> None:
    assert f"Takes {words}." in page_parts()[key]


def test_every_number_has_two_limits() -> None:
    for key, text in page_parts().items():
        if "number" in text:
            assert re.search(r"number (from|above) \d+ up to \d+\.", text), key


NUMBERS = [row.key for row in effective(read(None, HOME)) if type(row.value) in {int, float}]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_beyond_its_limits_is_refused(name: str) -> None:
    variable = f"FIRKI_{name.upper().replace('.', '__')}"
    for text in ("-1", "1e30", "1" * 30, "NaN", "Infinity"):
        with pytest.raises(ConfigError, match=name):
            load(None, {**HOME, variable: text})
