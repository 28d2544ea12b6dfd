import json
import time

import msgspec
import pytest

from mcplens.capture.privacy import Privacy
from mcplens.capture.redaction import Redactor
from mcplens.capture.secrets import is_secret_key
from mcplens.config import Redaction, Settings
from tests.transcripts import KEY, call, client, modern_meta, record, server, text, tick

BUILT_IN = Redactor(Redaction())
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1r"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----"


def own(**rules):
    return Redactor(Redaction(built_in=False, **rules))


@pytest.mark.parametrize(
    ("words", "safe"),
    [
        ("Authorization: Bearer abcdef0123456789", "Authorization: …"),
        ("sent bearer abcdef0123456789 to", "sent bearer … to"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: …\nHost: x"),
        (f"the token {JWT} expired", "the token … expired"),
        (f"{PEM} and more", "-----BEGIN RSA PRIVATE KEY-----… and more"),
        (PEM[:60], "-----BEGIN RSA PRIVATE KEY-----…"),
        ("postgres://bob:p@ss:w0rd@db:5432/main", "postgres://…@db:5432/main"),
        ("https://ghost@host/x?token=abc&page=2", "https://…@host/x?token=…&page=2"),
        ("https://host:80/@scope/name", "https://host:80/@scope/name"),
        ("password=hunter2 user=bob", "password=… user=bob"),
        ('{"password": "two words", "user"', '{"password": …, "user"'),
        ("DB_PASSWORD='two words'", "DB_PASSWORD=…"),
        (r"{\"api_key\": \"abc\"}", r"{\"api_key\": \"…" + '"}'),
        ('[{"a": broken, "password": ["x", "y"]}]', '[{"a": broken, "password": …}]'),
        ("run --api-key abc --port 80", "run --api-key … --port 80"),
        ("AWS_SECRET_ACCESS_KEY: abc/def+g", "AWS_SECRET_ACCESS_KEY: …"),
        ("use sk-proj-abcdefghij0123456789 now", "use … now"),
        ("ghp_abcdefghij0123456789abcdef", "…"),
        ("AKIAIOSFODNN7EXAMPLE", "…"),
        ("api_keys: [a, b], secrets=x", "api_keys: …, secrets=…"),
        ("xoxb-123456789012-abcdef", "…"),
        # No secrets.
        ("max_tokens=100, 5 tokens", "max_tokens=100, 5 tokens"),
        ("a basket of keys", "a basket of keys"),
        ("3f786850e387550fdab836ed7e6dc881de23001b", "3f786850e387550fdab836ed7e6dc881de23001b"),
        ("mail bob@example.org", "mail bob@example.org"),
        ("", ""),
        ("half a sign \ud83d, password=x", "half a sign ?, password=…"),
    ],
)
def test_what_looks_like_a_secret_is_cut_out_of_a_text(words, safe):
    assert BUILT_IN.texts.text(words) == safe
    # What has nothing to cut by its JSON alone is not looked at any further.
    assert words == safe or not BUILT_IN.is_clean(json.dumps(words).encode())


@pytest.mark.parametrize(
    ("key", "is_secret"),
    [
        *[(key, True) for key in ("password", "Password", "db_password", "apiKey", "API-KEY")],
        *[(key, True) for key in ("access_token", "clientSecret", "Authorization", "password2")],
        *[(key, True) for key in ("credentials", "private_key", "set-cookie", "x" * 500 + "_pwd")],
        *[(key, True) for key in ("passwords", "api_keys", "secrets", "my\npassword", "password ")],
        *[(key, False) for key in ("max_tokens", "nextPageToken", "keyboard", "key", "secretary")],
        *[(key, False) for key in ("tokenizer", "author", "monkey", "", "progressToken")],
    ],
)
def test_a_secret_is_told_by_the_name_of_its_key(key, is_secret):
    assert is_secret_key(key) == is_secret
    assert not is_secret or not BUILT_IN.is_clean(json.dumps({key: "x"}).encode())


def test_under_a_secret_key_everything_goes_but_nothing_and_yes_and_no():
    value = {
        "password": "x",
        "api_key": 5,
        "credentials": {"user": "bob"},
        "token": ["a"],
        "secret": None,
        "has_password": True,
        "list": [{"pwd": "x", "user": "bob"}],
    }

    assert BUILT_IN.arguments(value) == {
        "password": "…",
        "api_key": "…",
        "credentials": "…",
        "token": "…",
        "secret": None,
        "has_password": True,
        "list": [{"pwd": "…", "user": "bob"}],
    }
    assert value["password"] == "x"


def test_what_has_no_secret_stays_as_it_came():
    value = {"a": [1, {"b": "text"}], "c": '{"d": [1.50, 2]}'}

    assert BUILT_IN.result(value) is value


def test_a_text_that_is_json_is_cut_like_json():
    redacted = BUILT_IN.result({"content": [{"text": ' {"pwd": "a\\"b", "user": "bob"}'}]})

    assert json.loads(redacted["content"][0]["text"]) == {"pwd": "…", "user": "bob"}


def test_a_text_that_is_json_by_pythons_word_alone_is_cut_as_well():
    redacted = BUILT_IN.result({"content": [{"text": '{"a": NaN, "pwd": {"b": [["x"]]}}'}]})

    assert redacted["content"][0]["text"] == '{"a":null,"pwd":"…"}'


def test_a_users_keys_are_globs_whatever_their_case():
    redactor = own(keys=("ssn", "*_IBAN"))

    assert redactor.arguments({"SSN": "1", "from_iban": "2", "iban": "3"}) == {
        "SSN": "…",
        "from_iban": "…",
        "iban": "3",
    }
    assert (
        redactor.texts.text("ssn: 123, my_iban=456 and lessn=7") == "ssn: …, my_iban=… and lessn=7"
    )


@pytest.mark.parametrize(
    ("glob", "words", "safe"),
    [
        ("[ab]key", "akey=1 bkey=2 ckey=3 xakey=4", "akey=… bkey=… ckey=3 xakey=4"),
        ("[!ab]key", "akey=1 ckey=2", "akey=1 ckey=…"),
        ("a]b[", "a]b[=1", "a]b[=…"),
        ("[z-a]", "z=1 [z-a]=2", "z=1 [z-a]=…"),
        ("größe*", "größe: 1, größen=2", "größe: …, größen=…"),
        ("密码", "密码=1 我的密码=2", "密码=… 我的密码=2"),
    ],
)
def test_a_users_keys_mean_the_same_in_a_text(glob, words, safe):
    assert own(keys=(glob,)).texts.text(words) == safe


def test_a_path_names_a_place_and_nothing_else():
    redactor = own(paths=(("customer", "cards", None, "number"), ("list", 0)))
    value = {
        "customer": {"cards": [{"number": "1", "kind": "a"}, {"number": "2"}], "number": "3"},
        "list": ["x", "y"],
        "number": "4",
    }

    assert redactor.arguments(value) == {
        "customer": {"cards": [{"number": "…", "kind": "a"}, {"number": "…"}], "number": "3"},
        "list": ["…", "y"],
        "number": "4",
    }


def test_what_a_path_cuts_out_of_structured_content_goes_from_its_text_too():
    data = {"rows": [{"iban": "DE1", "n": 1}]}
    result = {
        "structuredContent": data,
        "content": [{"type": "text", "text": json.dumps(data)}],
    }

    redacted = own(paths=(("structuredContent", "rows", None, "iban"),)).result(result)

    assert redacted["structuredContent"] == {"rows": [{"iban": "…", "n": 1}]}
    assert json.loads(redacted["content"][0]["text"]) == {"rows": [{"iban": "…", "n": 1}]}


def test_a_pattern_is_cut_out_of_keys_texts_and_numbers():
    redactor = own(patterns=(r"\d{4}-\d{4}", r"^\d{16}$"))
    value = {"card 1111-2222": "is 1111-2222, 3333-4444", "number": 4111111111111111, "n": 5}

    assert redactor.arguments(value) == {"card …": "is …, …", "number": "…", "n": 5}


def test_two_keys_that_become_one_are_both_kept():
    assert own(patterns=(r"\d+",)).arguments({"1": "a", "2": "b"}) == {"…": "a", "…1": "b"}


def test_what_is_large_is_cut_as_well():
    rows = [{"name": f"row {number}", "password": "hunter2"} for number in range(5000)]
    raw = msgspec.Raw(msgspec.json.encode({"rows": rows, "token": "hunter2"}))
    in_text = json.dumps(rows)

    redacted = BUILT_IN.result({"structuredContent": raw, "content": [{"text": in_text}]})

    written = msgspec.json.encode(redacted)
    assert b"hunter2" not in written
    assert written.count("…".encode()) == 10_001


def test_an_expression_that_would_run_for_hours_elsewhere_does_not():
    redactor = own(patterns=("(a|aa)+$",))
    started = time.monotonic()

    redactor.texts.text("a" * 5000 + "b")

    assert time.monotonic() - started < 5


def privacy(**rules):
    return Privacy("full", key=KEY, settings=Settings(redaction=Redaction(**rules)))


def test_hashes_are_of_what_was_sent_so_that_settings_do_not_make_calls_equal():
    plain = privacy(built_in=False).arguments({"password": "a"}, declared=None)
    cut = privacy().arguments({"password": "a"}, declared=None)
    other = privacy().arguments({"password": "b"}, declared=None)

    assert plain.digest == cut.digest != other.digest
    assert (plain.text, cut.text, other.text) == (
        '{"password":"a"}',
        '{"password":"…"}',
        '{"password":"…"}',
    )


def test_what_cannot_be_redacted_is_not_kept():
    value = "deep"
    for _ in range(600):
        value = [value]

    kept = privacy().arguments({"a": value, "password": "x"}, declared=None)

    assert kept.text is None


def test_commands_addresses_and_what_is_advertised_go_through_the_users_patterns():
    redacting = privacy(patterns=("acme",))

    assert redacting.command(["acme-server", "--acme"]) == "…-server --…"
    assert redacting.address("https://acme.example/acme?x") == "https://….example/…"
    assert redacting.advertised('{"name":"t","description":"for acme"}') == (
        '{"description":"for …","name":"t"}'
    )
    assert redacting.error_text("no acme here, token=abc") == "no … here, token=…"
    assert Privacy("shape", key=KEY).advertised('{"b": 1, "a": 2}') == '{"b": 1, "a": 2}'


GLOBS = Settings(keep="full", keep_by_tool=(("bank:*", "none"), ("bank:rates", "shape")))


def hello(name):
    return {"io.modelcontextprotocol/serverInfo": {"name": name, "version": "1"}}


def test_each_tool_keeps_what_its_glob_says():
    recorded = record(
        call("pay", id=1, to="bob"),
        text("paid", id=1),
        call("rates", id=2, of="euro"),
        text("1.1", id=2),
        server_name_option="bank",
        settings=GLOBS,
        keep=None,
    )

    [pay, rates] = recorded.calls
    assert pay.arguments is pay.arguments_hash is pay.result is pay.result_hash is None
    assert rates.arguments is rates.result is None
    assert rates.arguments_shape == '{"…":1}'
    assert rates.result_hash is not None


def test_a_server_that_tells_its_name_with_its_first_answer_is_believed_from_the_start():
    recorded = record(
        call("pay", id=1, meta=modern_meta(), to="bob"),
        tick(at=5000),
        text("paid", id=1, _meta=hello("bank")),
        settings=GLOBS,
        keep=None,
    )

    assert [event.server_name for event in recorded.calls] == ["bank"]
    assert "bob" not in recorded.encoded
    assert "paid" not in recorded.encoded


def test_a_first_call_is_kept_when_its_server_turns_out_to_be_another():
    recorded = record(
        call("pay", id=1, meta=modern_meta(), to="bob"),
        tick(at=5000),
        text("paid", id=1, _meta=hello("shop")),
        settings=GLOBS,
        keep=None,
    )

    assert recorded.opened[0].arguments is None
    assert recorded.calls[0].arguments == '{"to":"bob"}'


def test_what_a_server_asks_its_client_is_kept_no_better_than_its_tools():
    recorded = record(
        call("rates", id=1, of="euro"),
        server("elicitation/create", id=1, message="hunter2"),
        client(id=1, result={"action": "accept", "content": {"pin": "hunter2"}}),
        text("1.1", id=1),
        server_name_option="bank",
        settings=GLOBS,
        keep=None,
    )

    assert "hunter2" not in recorded.encoded
