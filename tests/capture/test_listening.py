import pytest

from mcplens.capture.listening import parse_address
from mcplens.errors import UsageError


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:8901", "127.0.0.1", 8901, True),
        ("[::1]:8901", "::1", 8901, True),
        ("localhost:0", "localhost", 0, True),
        ("8901", "127.0.0.1", 8901, True),
        (":8901", "127.0.0.1", 8901, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("bücher.example:80", "bücher.example", 80, False),
    ],
)
def test_an_address_is_a_host_and_a_port(text, host, port, is_loopback):
    address = parse_address(text, example="127.0.0.1:1")

    assert address == (host, port)
    assert address.is_loopback == is_loopback


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        "h:",
        "h:x",
        "h:65536",
        "::1:80",
        "[::1:80",
        "h:²",
        "a..b:80",
        "h:" + "9" * 5000,
    ],
)
def test_what_is_no_address_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match=r"is no HOST:PORT. Write one such as 127\.0\.0\.1:1$"):
        parse_address(text, example="127.0.0.1:1")


def test_an_ipv6_address_is_written_in_brackets():
    assert parse_address("[::1]:80", example="").url == "http://[::1]:80"
