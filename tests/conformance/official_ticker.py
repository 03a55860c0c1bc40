"""Zerodha's own KiteTicker as a program: prints each frame's bytes and what it made of them.

Arguments: api_key, access_token, root, JSON of {mode: tokens}. One JSON line per frame; errors and
closings are lines too. It runs in a process of its own because a twisted reactor starts only once.
"""

import json
import sys
from datetime import datetime
from typing import Any

from kiteconnect import KiteTicker


def say(**line: Any) -> None:
    print(json.dumps(line, default=_seconds), flush=True)


def _seconds(value: datetime) -> int:
    return int(value.timestamp())


def main() -> None:
    api_key, access_token, root, modes = sys.argv[1:]
    wanted: dict[str, list[int]] = json.loads(modes)
    ticker = KiteTicker(api_key, access_token, root=root, reconnect_max_tries=1)

    def on_connect(ws: Any, _response: Any) -> None:
        for mode, tokens in wanted.items():
            ws.subscribe(tokens)
            ws.set_mode(mode, tokens)

    def on_message(_ws: Any, payload: bytes, is_binary: bool) -> None:
        if not is_binary:
            say(text=payload.decode())
        elif len(payload) > 4:
            say(frame=payload.hex(), ticks=ticker._parse_binary(payload))
        else:
            say(heartbeat=payload.hex())

    ticker.on_connect = on_connect
    ticker.on_message = on_message
    ticker.on_error = lambda _ws, code, reason: say(error=reason, code=code)
    ticker.on_close = lambda _ws, code, reason: say(closed=reason, code=code)
    ticker.connect()


main()
