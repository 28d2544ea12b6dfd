import pytest

from mcplens.capture.requests import id_text, request_key


@pytest.mark.parametrize("value", [0, -1, 7, 2**80, 0.5, "7", ""], ids=repr)
def test_numbers_and_texts_are_ids(value):
    assert request_key(value) == value


@pytest.mark.parametrize("value", [None, True, False, [], {}, float("nan"), float("inf")])
def test_anything_else_is_no_id(value):
    assert request_key(value) is None
    assert id_text(value) is None


def test_a_number_and_its_text_are_two_ids():
    assert request_key(7) != request_key("7")
    assert (id_text(7), id_text("7")) == ("7", '"7"')


def test_an_endless_id_is_not_kept():
    ids = ["x" * 1_000_000 + end for end in "ab"]

    keys = [request_key(value) for value in ids]

    assert keys[0] != keys[1]
    assert len(repr(keys)) < 200


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('a"b\n\x1b', '"a\\"b\\n\\u001b"'),
        pytest.param("\ud800", '"\\ud800"', id="a lone surrogate"),
        ("x" * 500, '"' + "x" * 200 + '"'),
        (10**30, "1" + "0" * 30),
        pytest.param(10**6000, None, id="more digits than Python writes"),
    ],
)
def test_an_id_is_written_as_short_printable_json(value, text):
    assert id_text(value) == text
