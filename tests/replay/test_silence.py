"""A socket that is open and says nothing is given up for a new one."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.fakes.swallowing_proxy import SwallowingProxy
from tests.replay.program import up, wait_until, write_settings
from tests.simulated_process import sim_process

pytestmark = pytest.mark.slow


def test_a_silent_socket_is_replaced_in_ten_seconds_with_the_modes_it_had(tmp_path: Path) -> None:
    with sim_process("--instruments", "40", "--start", "09:30", "--speed", "1") as sim:
        address = urlsplit(sim.facts.websocket)
        assert address.hostname is not None
        assert address.port is not None
        with SwallowingProxy(address.hostname, address.port) as proxy:
            settings = write_settings(
                tmp_path,
                sim.facts,
                login={"websocket": f"ws://127.0.0.1:{proxy.port}"},
                capture={"want": ["NSE:INFY", "NSE:RELIANCE"], "mode": "full"},
                universe={"indices": ["NSE:NIFTY 50"]},
            )
            with up(settings) as program:
                wait_until(program.has_connected)
                [before] = sim.state()["clients"]
                ticks = program.health()["feed"]["ticks"]
                proxy.swallow()
                began = time.monotonic()

                def is_back() -> bool:
                    [link] = program.health()["connections"]
                    return bool(link["replaced"] == 1 and program.has_connected())

                wait_until(is_back, what="a new socket")
                wait_until(lambda: program.health()["feed"]["ticks"] > ticks + len(before))
                seconds = time.monotonic() - began
                print(f"replaced and heard again after {seconds:.1f} s")
                assert seconds <= 10
                assert proxy.connections == 2
                assert [c["tokens"] for c in sim.state()["clients"]][-1] == before["tokens"]
                assert set(before["tokens"].values()) == {"full"}
                assert program.process.poll() is None
