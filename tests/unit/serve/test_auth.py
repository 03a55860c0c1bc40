import json
import stat
from pathlib import Path

import pytest

from firki.errors import ConfigError
from firki.serve.auth import KEY_PREFIX, Keys, Sessions, Throttle, Tickets, read_key
from firki.serve.credentials import Credentials


class Steady:
    """Steady time that stands where it was put."""

    def __init__(self) -> None:
        self.seconds = 500.0

    def __call__(self) -> float:
        return self.seconds


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_made_once_per_folder(tmp_path: Path) -> None:
    first = Keys.open(tmp_path / "keys").clear_text()
    second = Keys.open(tmp_path / "keys").clear_text()
    assert first == second == read_key(tmp_path / "keys")
    assert first.startswith(KEY_PREFIX)
    assert len(first) >= len(KEY_PREFIX) + 43  # 256 bits in base64
    assert Keys.open(tmp_path / "other").clear_text() != first


def test_the_hash_file_does_not_hold_the_key_and_nothing_is_readable_by_others(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "keys"
    key = Keys.open(folder).clear_text()
    kept = (folder / "api.json").read_text()
    assert key not in kept
    assert key.removeprefix(KEY_PREFIX) not in kept
    assert [mode(folder / name) for name in ("cli", "api.json")] == [0o600, 0o600]
    assert mode(folder) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["api.json", "cli"]


def test_a_key_file_opened_to_others_is_closed_again(tmp_path: Path) -> None:
    Keys.open(tmp_path)
    (tmp_path / "cli").chmod(0o644)
    Keys.open(tmp_path)
    assert mode(tmp_path / "cli") == 0o600


def test_only_the_key_itself_is_taken(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    key = keys.clear_text()
    assert keys.check(key)
    for wrong in ("", key[:-1], key + "x", key.upper(), KEY_PREFIX, "\udc80", "Bearer " + key):
        assert not keys.check(wrong)


def test_a_lost_clear_text_means_a_new_key_and_the_old_one_is_void(tmp_path: Path) -> None:
    old = Keys.open(tmp_path).clear_text()
    (tmp_path / "cli").unlink()
    keys = Keys.open(tmp_path)
    assert keys.clear_text() != old
    assert not keys.check(old)


def test_a_kill_between_the_two_files_leaves_a_folder_that_opens(tmp_path: Path) -> None:
    Keys.open(tmp_path)
    (tmp_path / "cli").unlink()  # the hash is written first
    (tmp_path / "cli.new").write_text("half a ke")
    keys = Keys.open(tmp_path)
    assert keys.check(keys.clear_text())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("api.json", "not json"),
        ("api.json", '{"keys": [{"name": "cli"}]}'),
        ("api.json", json.dumps({"keys": []})),
        ("cli", "firki_somebody-elses"),
    ],
)
def test_files_that_do_not_fit_together_are_named(tmp_path: Path, name: str, content: str) -> None:
    Keys.open(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=r"api\.json"):
        Keys.open(tmp_path)


def test_a_missing_key_says_where_it_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cli: expected firki's own key"):
        read_key(tmp_path)


def test_a_ticket_opens_once_and_within_five_minutes() -> None:
    steady = Steady()
    tickets = Tickets(now=steady)
    used, late, good = tickets.mint(), tickets.mint(), tickets.mint()
    assert len({used, late, good}) == 3
    assert tickets.redeem(used)
    assert not tickets.redeem(used)
    steady.seconds += 299.9
    assert tickets.redeem(good)
    steady.seconds += 0.2
    assert not tickets.redeem(late)
    assert not tickets.redeem("")


def test_only_so_many_tickets_wait_and_the_oldest_goes_first() -> None:
    tickets = Tickets(now=Steady())
    first, *rest = [tickets.mint() for _ in range(33)]
    assert not tickets.redeem(first)
    assert all(tickets.redeem(one) for one in rest)


def test_a_session_ends_with_its_hours_and_by_logout() -> None:
    steady = Steady()
    sessions = Sessions(2.0, now=steady)
    one, other = sessions.begin(), sessions.begin()
    assert len(one) >= 43
    sessions.end(one)
    assert not sessions.check(one)
    steady.seconds += 7199
    assert sessions.check(other)
    steady.seconds += 1
    assert not sessions.check(other)


def test_the_throttle_holds_in_every_window() -> None:
    steady = Steady()
    throttle = Throttle(3, 60.0, now=steady)
    assert [throttle.fail() for _ in range(3)] == [0, 0, 0]
    steady.seconds += 20
    assert throttle.fail() == 40
    steady.seconds += 40
    assert throttle.fail() == 0


def test_the_cookie_is_kept_from_scripts_and_other_sites(tmp_path: Path) -> None:
    plain = Credentials.open(tmp_path)
    words = set(plain.cookie("abc", seconds=60).decode().split("; "))
    name = f"firki_session_{plain.keys.mark}"
    assert words == {f"{name}=abc", "Max-Age=60", "Path=/", "HttpOnly", "SameSite=Strict"}
    secure = Credentials.open(tmp_path, public_url="https://desk.example")
    assert secure.cookie("abc", seconds=60).startswith(f"__Host-{name}=abc; ".encode())
    assert b"; Secure" in secure.cookie("abc", seconds=60)


def test_two_data_folders_have_cookies_of_their_own(tmp_path: Path) -> None:
    one, other = (Credentials.open(tmp_path / name) for name in ("demo", "replay"))
    assert one.cookie_name != other.cookie_name
    assert Credentials.open(tmp_path / "demo").cookie_name == one.cookie_name
    assert one.keys.mark not in one.keys.clear_text()


def test_a_link_carries_a_ticket_of_its_own(tmp_path: Path) -> None:
    credentials = Credentials.open(tmp_path)
    link = credentials.link("http://127.0.0.1:8080/")
    assert link.startswith("http://127.0.0.1:8080/login?ticket=")
    assert link != credentials.link("http://127.0.0.1:8080")
    assert credentials.tickets.redeem(link.rpartition("=")[2])
