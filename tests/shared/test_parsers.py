"""Parsers accept what a setting may be, and say what it is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared import parsers
from modelsystem_shared.parsers import Parser, Secret

EDGES = "\"' "


@given(st.text().filter(lambda value: value == value.strip().strip(EDGES)), st.sampled_from("\"'"))
def test_quotes_and_blanks_around_a_value_go(value: str, quote: str) -> None:
    """A value arrives as it was meant, quoted by a pipeline or not."""
    assert parsers.unquoted(value) == value
    assert parsers.unquoted(f"  {quote} {value} {quote} ") == value


@pytest.mark.parametrize("value", ["it's", "'", '"', "'a", "a'", "'a\"", "'a' 'b"])
def test_quotes_that_do_not_match_stay(value: str) -> None:
    """Only one matching pair around the whole is a pipeline's."""
    assert parsers.unquoted(value) == value


def test_a_secret_never_shows() -> None:
    """Neither repr nor str nor a format shows the value; `reveal` does."""
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret!s:>30}"
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("parse", "value", "parsed"),
    [
        (parsers.text, "Zoë", "Zoë"),
        (parsers.folder, "/models/13", Path("/models/13")),
        (parsers.folder, "models", Path.cwd() / "models"),
        (parsers.choice("on", "off"), "ON", "on"),
        (parsers.integer(1, 65535), "3000", 3000),
        (parsers.integer(-1, 1), "-1", -1),
        (parsers.number(0, 1), "0.5", 0.5),
        (parsers.number(0, 1e9), "1e3", 1000.0),
        (parsers.quantity, "512Mi", 536_870_912),
        (parsers.quantity, "8Ki", 8192),
        (parsers.quantity, "1G", 1_000_000_000),
        (parsers.quantity, "1E", 10**18),
        (parsers.quantity, "1E3", 1000),
        (parsers.quantity, "2.147483648e+09", 2_147_483_648),  # how Helm writes a whole number
        (parsers.quantity, "1.5Gi", 1_610_612_736),
        (parsers.quantity, ".5k", 500),
        (parsers.quantity, "1500m", 2),
        (parsers.quantity, "7", 7),
        (parsers.url, "https://a.blob.core.windows.net/", "https://a.blob.core.windows.net"),
        (parsers.url, "http://127.0.0.1:10000/account", "http://127.0.0.1:10000/account"),
    ],
)
def test_a_good_value_is_parsed(parse: Parser, value: str, parsed: object) -> None:
    """The text becomes its value."""
    assert parse(value) == parsed


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (parsers.text, "two\nlines"),
        (parsers.text, "a\x00b"),
        (parsers.text, "x" * 1001),
        (parsers.text, "\udcff"),  # how Python shows a byte that is no UTF-8
        (parsers.folder, "/models\n"),
        (parsers.choice("on", "off"), "yes"),
        (parsers.integer(1, 9), "0"),
        (parsers.integer(1, 9), "10"),
        (parsers.integer(1, 9), "1.0"),
        (parsers.integer(1, 9), "1_0"),
        (parsers.integer(1, 9), "٣"),
        (parsers.integer(1, 9), "9" * 5000),
        (parsers.number(0, 1), "1.01"),
        (parsers.number(0, 1), "nan"),
        (parsers.number(0, 1), "inf"),
        (parsers.number(0, 1), "half"),
        (parsers.quantity, "-1"),
        (parsers.quantity, "1 Gi"),
        (parsers.quantity, "1gi"),
        (parsers.quantity, "1GB"),
        (parsers.quantity, "1e999"),
        (parsers.quantity, "Mi"),
        (parsers.quantity, "."),
        (parsers.quantity, "٣Mi"),
        (parsers.url, "account.blob.core.windows.net"),
        (parsers.url, "ftp://host"),
        (parsers.url, "https://"),
        (parsers.url, "https://user:password@host"),
        (parsers.url, "https://host/?sig=signature"),
        (parsers.url, "https://host/#fragment"),
        (parsers.url, "http://[::1"),
    ],
)
def test_a_bad_value_is_refused(parse: Parser, value: str) -> None:
    """What does not fit is refused, with what it should have been."""
    with pytest.raises(ValueError, match=r"\w"):
        parse(value)
