"""Canary secrets in every spelling that programs write them in."""

import base64
import json
import logging
import sys
import time
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firki.obs import HIDDEN, Redactor

CANARY = "cAn4ryS3cretV4lue"
KEYS = [
    "api_key", "apikey", "api-key", "X-Api-Key", "kite_api_key", "FIRKI_API_KEY", "access_token",
    "accessToken", "request_token", "refresh_token", "public_token", "enctoken", "api_secret",
    "client_secret", "secret", "secret_key", "private_key", "password", "Password", "passwd",
    "passphrase", "totp", "totp_secret", "totp_key", "twofa_value", "otp", "pin", "mpin",
    "authorization", "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "bot_token",
    "csrf_token", "session_token",
]  # fmt: skip


def spellings(key: str, value: str) -> list[str]:
    pair = {key: value}
    text = json.dumps(pair)
    return [
        f"{key}={value}",
        f"{key} = {value}",
        f"{key}: {value}",
        f"{key}='{value}'",
        f'{key}="{value}"',
        f"{key} => {value}",
        f"https://api.example/session?v=3&{urlencode(pair)}&x=1",
        f"wss://ws.example/?{key}={value}",
        str(pair),
        str({key: value.encode()}),
        str({key.encode(): value.encode()}),
        str([(key, value)]),
        str([(key.encode(), value.encode())]),
        str({key: [value, value]}),
        str({key: {"inner": value}}),
        text,
        json.dumps(text),
        json.dumps(json.dumps(text)),
        repr(text),
        repr(text.encode()),
        quote(text),
        quote(f"{key}={value}"),
        text.replace('"', "&quot;"),
        f"{text[:-3]}",
    ]


@pytest.mark.parametrize("key", KEYS)
def test_a_value_behind_a_telling_key_is_taken_out(key: str) -> None:
    redactor = Redactor()
    for text in spellings(key, CANARY):
        found = redactor.clean(f"before {text} after")
        assert CANARY not in found, text
        assert found.startswith("before "), text


def test_quotes_and_spaces_inside_a_quoted_secret_do_not_end_it() -> None:
    redactor = Redactor()
    for secret in [
        'pa"ss w0rdCANARY',
        "pa'ss w0rdCANARY",
        "pa\\ss, w0rdCANARY",
        "a}b]c)w0rdCANARY",
    ]:
        for text in [json.dumps({"password": secret}), str({"password": secret})]:
            assert "w0rdCANARY" not in redactor.clean(text), text


def test_authorization_hides_scheme_and_value() -> None:
    redactor = Redactor()
    for text in [
        f"Authorization: token keykeykey:{CANARY}",
        f"{{'Authorization': 'token keykeykey:{CANARY}'}}",
        f"(b'authorization', b'Bearer {CANARY}')",
        f"sent Bearer {CANARY} to the server",
        f"sent token keykeykey:{CANARY} to the server",
        f"header enctoken {CANARY}",
        f"postgresql://firki:{CANARY}@db.example/ticks",
        "https://api.telegram.org/bot1234567890:" + CANARY + "_-abcdef/getMe",
    ]:
        found = redactor.clean(text)
        assert CANARY not in found, text
        assert HIDDEN in found


@pytest.mark.parametrize(
    "text",
    [
        "connection opened connection=1 tokens=3000",
        "token refused account=main",
        "access_token_file=/run/token",
        "passed 3 of 5",
        "shopping=yes spin=3",
        "https://api.kite.trade/instruments?v=3",
        "time 09:15:00 user@host a: b",
        "tokenise the secretary's keys",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert Redactor().clean(text) == text


def test_the_rest_of_a_query_and_of_a_dict_stays_readable() -> None:
    redactor = Redactor()
    assert redactor.clean(f"?api_key={CANARY}&mode=full") == f"?api_key={HIDDEN}&mode=full"
    found = redactor.clean(str({"api_key": CANARY, "tokens": 3}))
    assert found == "{'api_key': ***, 'tokens': 3}"


def test_a_registered_value_is_found_without_any_key() -> None:
    redactor = Redactor()
    secret = 'p@ss "w\\örd/+&=%'
    redactor.hide(secret)
    for text in [
        f"tried {secret} twice", quote(secret, safe=""), urlencode({"q": secret}),
        json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret),
        repr(secret.encode()),
    ]:  # fmt: skip
        assert "rd" not in redactor.clean(text).replace("tried", ""), text


def test_the_longer_of_two_registered_values_is_taken_out_whole() -> None:
    redactor = Redactor()
    redactor.hide("abcd")
    redactor.hide("abcdefgh")
    assert redactor.clean("x abcdefgh y abcd z") == f"x {HIDDEN} y {HIDDEN} z"


def test_a_value_too_short_to_be_a_secret_is_not_registered() -> None:
    redactor = Redactor()
    for value in ["", "1", "abc"]:
        redactor.hide(value)
    assert redactor.clean("abc 1 2 3") == "abc 1 2 3"


@given(st.text(min_size=4, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_registered_value_survives(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.hide(secret)
    assert secret not in redactor.clean(before + secret + after).replace(HIDDEN, "\x00")


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=8, max_size=64),
       st.sampled_from(KEYS))  # fmt: skip
def test_no_key_lets_a_word_through(secret: str, key: str) -> None:
    for text in spellings(key, secret):
        if secret not in key:
            assert secret not in Redactor().clean(text), text


def seconds_to_clean(text: str) -> float:
    """Of the processor; the least of three, since others use it too."""

    def once() -> float:
        started = time.process_time()
        Redactor().clean(text)
        return time.process_time() - started

    return min(once() for _ in range(3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["a", "api_key", 'password="', "://a:", "\\", "pin=[", "authorization ", " ", "totp_x_",
     "token ", "&quot;", "%22%22"],
)  # fmt: skip
def test_hostile_text_is_cleaned_in_linear_time(piece: str) -> None:
    short = "totp_" + piece * (25_000 // len(piece))
    # 8 times the text takes 8 times as long, and 64 times if the time is that of the square
    assert seconds_to_clean(short * 8) < 20 * seconds_to_clean(short)


def record(message: object, *args: object) -> logging.LogRecord:
    return logging.LogRecord("firki.x", logging.INFO, "f.py", 1, message, args, None)


def fail(fault: Exception, cause: Exception) -> None:
    raise fault from cause


def test_arguments_and_odd_messages_are_cleaned() -> None:
    redactor = Redactor()
    redactor.hide(CANARY)
    for found in [
        record("login %s", {"api_key": CANARY}),
        record("login %(password)s", {"password": CANARY}),
        record(ValueError(f"api_key={CANARY}")),
        record("%d", CANARY),
        record(f"{CANARY} %s %s", 1),
    ]:
        assert redactor.filter(found)
        assert CANARY not in f"{found.getMessage()}{found.msg}{found.args}"


def test_an_argument_that_cannot_be_printed_ends_nothing() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    found = record("value %s", Broken())
    assert Redactor().filter(found)
    assert "cannot be formatted" in found.getMessage()


def test_exceptions_are_cleaned_with_their_causes_and_notes() -> None:
    redactor = Redactor()
    found = record("call failed")
    fault = RuntimeError({"api_secret": CANARY})
    fault.add_note(f"password: {CANARY}")
    try:
        fail(fault, KeyError(f"access_token={CANARY}"))
    except RuntimeError:
        found.exc_info = sys.exc_info()
    found.stack_info = f"Stack: api_key={CANARY}"
    redactor.filter(found)
    text = logging.Formatter().format(found)
    assert CANARY not in text
    assert "RuntimeError" in text
    assert "KeyError" in text


def test_a_traceback_that_was_made_text_before_is_cleaned() -> None:
    found = record("call failed")
    found.exc_text = f"ValueError: api_key={CANARY}"
    assert Redactor().filter(found)
    assert found.exc_text == f"ValueError: api_key={HIDDEN}"


def test_basic_credentials_are_hidden_by_their_header() -> None:
    encoded = base64.b64encode(f"me:{CANARY}".encode()).decode()
    assert encoded not in Redactor().clean(f"{{'authorization': 'Basic {encoded}'}}")
