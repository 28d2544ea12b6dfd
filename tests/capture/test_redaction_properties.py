"""Whatever JSON comes: what is secret goes, the rest stays, and nothing is raised."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.privacy import Privacy
from mcplens.capture.redaction import Redactor
from mcplens.config import Redaction, Settings
from tests.transcripts import KEY

SECRET = "Zq7Vx9Kw"
# What no JSON can say, such as Infinity, is kept as null.
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
HIDING = st.sampled_from(["password", "api_key", "ssn"])


def redacting(**rules):
    return Privacy("full", key=KEY, settings=Settings(redaction=Redaction(**rules)))


@st.composite
def hidden(draw):
    """JSON with a secret under a secret key somewhere deep in it, also as JSON in a text."""
    value = {draw(HIDING): draw(st.sampled_from([SECRET, [SECRET], {"a": SECRET}]))}
    for _ in range(draw(st.integers(0, 4))):
        match draw(st.integers(0, 3)):
            case 0:
                value = [draw(JSON), value]
            case 1:
                value = {**draw(st.dictionaries(st.text(), JSON)), "in": value}
            case 2:
                value = {"text": json.dumps(value, ensure_ascii=draw(st.booleans()))}
            case _:
                value = {"text": json.dumps(value, indent=2)}
    return value


@given(hidden())
def test_what_stands_under_a_secret_key_is_never_kept(value):
    kept = redacting(keys=("ssn",)).result(value)

    assert SECRET not in (kept.text or "")


@given(JSON)
def test_any_json_can_be_redacted_and_stays_json(value):
    kept = redacting(keys=("a*",), patterns=(r"\d\d",), paths=(("a", None), (0,))).result(value)

    if kept.text is not None:
        json.loads(kept.text)


@given(JSON)
def test_what_comes_is_never_changed(value):
    before = json.dumps(value)

    Redactor(Redaction(keys=("*",), patterns=(".",))).arguments(value)

    assert json.dumps(value) == before


@given(JSON)
def test_without_rules_and_secrets_a_value_is_kept_as_it_is(value):
    kept = redacting(built_in=False).arguments(value, declared=None)

    assert kept.text is None or msgspec.json.decode(kept.text) == json.loads(json.dumps(value))


@given(st.text())
def test_whatever_a_text_is_it_can_be_redacted(text):
    redactor = Redactor(Redaction(keys=("k?y*",), patterns=("a+",))).texts

    assert "a" not in redactor.own(text)
    redactor.text(text)
