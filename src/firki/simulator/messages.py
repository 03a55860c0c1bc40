"""What a client may say on the websocket, and what that does (Kite Connect v3, WebSocket)."""

from typing import Any, Final

import msgspec

from firki.kite.vocabulary import MAX_TOKENS, MODES
from firki.ports import Mode
from firki.simulator.hub import Client, Hub


class _Message(msgspec.Struct):
    """``a`` names the action, ``v`` is its value."""

    a: str
    v: Any = None  # a token list, or [mode, token list]: looked at per action


_DECODER: Final = msgspec.json.Decoder(_Message)
_TOKENS: Final = list[int]


class RefusedError(Exception):
    """A message the server does not follow; the text goes back to the client."""


def obey(hub: Hub, client: Client, text: bytes) -> None:
    """Do what the message says; raises RefusedError with the words for the client."""
    message = _parse(text)
    subscription = client.subscription
    match message.a:
        case "subscribe":
            rows, refused = subscription.subscribe(_tokens(message.v))
        case "mode":
            mode, tokens = _mode(message.v)
            rows, refused = subscription.set_mode(mode, tokens)
        case "unsubscribe":
            subscription.unsubscribe(_tokens(message.v))
            return
        case _:
            raise RefusedError(
                f"Unknown action `{message.a}`; expected subscribe, unsubscribe or mode."
            )
    hub.greet(client, rows)
    if refused:
        raise RefusedError(
            f"{refused} of the instruments were not subscribed: a connection takes at most "
            f"{MAX_TOKENS} instruments."
        )


def error_text(words: str) -> bytes:
    """The text frame of an error."""
    return msgspec.json.encode({"type": "error", "data": words})


def _parse(text: bytes) -> _Message:
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RefusedError(
            f'Invalid message: expected JSON such as {{"a":"subscribe","v":[408065]}} ({error}).'
        ) from error


def _tokens(value: Any) -> list[int]:
    try:
        return msgspec.convert(value, _TOKENS)
    except msgspec.ValidationError as error:
        raise RefusedError(f"Invalid tokens: expected a list of integers ({error}).") from error


def _mode(value: Any) -> tuple[Mode, list[int]]:
    if not isinstance(value, list) or len(value) != 2:
        raise RefusedError('Invalid mode: expected ["ltp", "quote" or "full", [tokens]].')
    word, tokens = value
    if not isinstance(word, str) or word not in MODES:
        raise RefusedError(f"Invalid mode `{word}`; expected ltp, quote or full.")
    return MODES[word], _tokens(tokens)
