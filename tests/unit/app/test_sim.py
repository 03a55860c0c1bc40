import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, time
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from typer.testing import CliRunner

from firki.app.sim import SimFacts, SimOptions, run_sim
from firki.cli.root import app
from firki.cli.sim import as_line, in_words
from firki.errors import ConfigError
from firki.model.ist import ist_date
from firki.simulator.server import bind
from firki.timing import system_now

RECORDED = Path(__file__).parents[3] / "../shared/data/ticks_2021/ticks_2021-04-13.parquet"


async def run(options: SimOptions) -> None:
    """A start that must fail before anything is up."""
    await run_sim(options, lambda facts: pytest.fail(f"it is up: {facts}"))


@pytest.mark.parametrize("door", ["port", "control_port"])
async def test_a_busy_port_is_said_in_one_sentence(door: str) -> None:
    with bind(0) as taken:
        number = taken.getsockname()[1]
        options = SimOptions(port=number) if door == "port" else SimOptions(control_port=number)
        with pytest.raises(
            ConfigError, match=rf"port {number} on 127\.0\.0\.1: .*; choose another"
        ):
            await run(options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (SimOptions(speed="fast"), "speed"),
        (SimOptions(accounts=0), "accounts"),
        (SimOptions(instruments=0), "instruments"),
        (SimOptions(port=65_536), "^port: expected 0 to 65535, found 65536"),
        (SimOptions(control_port=-1), "^control-port: expected 0 to 65535, found -1"),
        (SimOptions(day=date(2026, 11, 22)), "date"),
        (SimOptions(tape=(Path("no such file.parquet"),)), "no such file"),
    ],
)
async def test_options_that_cannot_be_followed_are_named(options: SimOptions, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        await run(options)


async def test_a_tape_in_no_order_of_time_is_refused_as_a_build_refuses_it(tmp_path: Path) -> None:
    times = [f"{hour}:{minute:02}" for hour in (12, 11) for minute in range(59, -1, -1)]
    rows = [f"INFY,2021-04-13 {time}:00,1400.0,{n}" for n, time in enumerate(times)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["symbol,ts,ltp,volume", *rows, ""]))
    with pytest.raises(ConfigError, match="119 of 120 that step back in time"):
        await run(SimOptions(tape=(path,)))


@pytest.mark.parametrize(
    "arguments",
    [["--date", "tomorrow"], ["--start", "nine"], ["--speed", "0"], ["--speed", "5@09:00+05:30"]],
)
def test_a_wrong_option_ends_with_exit_code_2_and_no_trace(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["sim", *arguments])
    assert result.exit_code == 2
    assert arguments[0].removeprefix("--") in result.stderr
    assert len(result.stderr.splitlines()) == 1


@asynccontextmanager
async def running(options: SimOptions, end: signal.Signals) -> AsyncIterator[SimFacts]:
    """A simulator in this process, which the signal ends."""
    up: asyncio.Future[SimFacts] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run_sim(options, up.set_result))
    yield await up
    signal.raise_signal(end)
    await asyncio.wait_for(serving, 10)


def get(url: str, facts: SimFacts) -> Any:
    """The data of an authorised read."""
    header = {"Authorization": f"token {facts.api_key}:{facts.access_token}"}
    answer = httpx2.get(url, headers=header, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.slow
async def test_what_is_announced_is_all_a_program_needs() -> None:
    options = SimOptions(paused=True, instruments=20, accounts=2, seed=3)
    async with running(options, signal.SIGTERM) as facts:
        assert [facts.api_key, facts.totp] == [facts.accounts[0].api_key, facts.accounts[0].totp]
        assert len({account.user_id for account in facts.accounts}) == 2
        assert facts.websocket == facts.url.replace("http", "ws")
        profile = await asyncio.to_thread(get, f"{facts.url}/user/profile", facts)
        assert profile["user_id"] == facts.user_id
        state = await asyncio.to_thread(httpx2.get, f"{facts.control}/state", trust_env=False)
        assert state.json()["trading_date"] == facts.date < str(ist_date(system_now()))
        assert state.json()["clock"]["running"] is False
        line = msgspec.json.decode(as_line(facts))
        assert line.keys() >= {"url", "control", "websocket", "accounts", "api_secret", "password"}
        for word in (facts.url, facts.control, facts.access_token, facts.totp):
            assert word in in_words(facts)


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_credentials_in_every_start() -> None:
    seen = []
    for seed in (3, 3, 4):
        options = SimOptions(instruments=1, seed=seed, steady_hz=1)
        async with running(options, signal.SIGINT) as facts:
            seen.append((facts.api_key, facts.access_token, facts.totp))
    assert seen[0] == seen[1]
    assert not set(seen[0]) & set(seen[2])


@pytest.mark.slow
@pytest.mark.recorded
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded days are not beside the checkout")
async def test_a_recorded_day_is_played_as_it_was() -> None:
    options = SimOptions(paused=True, tape=(RECORDED,), start=time(9, 30))
    async with running(options, signal.SIGTERM) as facts:
        assert facts.date == "2021-04-13"
        quotes = await asyncio.to_thread(get, f"{facts.url}/quote?i=NSE:RELIANCE", facts)
    assert quotes["NSE:RELIANCE"]["timestamp"].startswith("2021-04-13 09:2")
    assert quotes["NSE:RELIANCE"]["volume"] > 0
    with pytest.raises(ConfigError, match="none of the recorded files is of 2021-04-14"):
        await run(SimOptions(tape=(RECORDED,), day=date(2021, 4, 14)))
