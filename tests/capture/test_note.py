import itertools

import pytest

from mcplens.capture.note import NOTES_OF_CALL, Note, note, note_of_result, understand
from mcplens.events import SideEffect


@pytest.fixture
def noted():
    """What `note` says while a call is under way."""
    taken = []
    token = NOTES_OF_CALL.set(taken.append)
    yield taken
    NOTES_OF_CALL.reset(token)


def test_outside_of_a_call_a_note_does_nothing():
    note(created="https://example.com/1")


def test_a_note_says_what_the_call_changed(noted):
    note(created="https://example.com/1", sent=[{"target": "ada", "detail": "mail"}, "bob"])

    [understood] = noted
    assert understood.note.side_effects == (
        SideEffect(kind="created", target="https://example.com/1"),
        SideEffect(kind="sent", target="ada", detail="mail"),
        SideEffect(kind="sent", target="bob"),
    )
    assert understood.complaints == ()


def test_of_targets_without_end_only_so_many_are_taken(noted):
    note(created=itertools.repeat("x"))

    [understood] = noted
    assert len(understood.note.side_effects) == 1000


def test_amounts_add_up_and_of_words_the_last_counts():
    first = Note(cost_usd=0.5, input_tokens=10, checkpoint="begun", upstream="crm")
    second = Note(cost_usd=0.25, output_tokens=3, checkpoint="done")

    both = first.then(second)

    assert both == Note(
        cost_usd=0.75, input_tokens=10, output_tokens=3, checkpoint="done", upstream="crm"
    )


def test_a_wrong_word_is_a_mistake_in_the_program():
    with pytest.raises(TypeError, match="creatd"):
        note(creatd="https://example.com/1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cost_usd", "a lot"),
        ("cost_usd", -1),
        ("cost_usd", float("nan")),
        ("input_tokens", 1.5),
        ("input_tokens", True),
        ("reversibility", "perhaps"),
        ("reversibility", []),
        ("checkpoint", 7),
        ("is_idempotent", "yes"),
        ("created", 7),
        ("created", ["fine", 7]),
        ("created", {"detail": "no target"}),
    ],
)
def test_a_value_that_makes_no_sense_is_left_out_and_told(noted, name, value):
    note(**{name: value, "upstream": "crm"})

    [understood] = noted
    assert understood.note == Note(upstream="crm")
    assert understood.complaints == (f"a note's {name} makes no sense",)


def test_a_server_of_any_language_notes_in_its_result():
    result = {"content": [], "_meta": {"mcplens/note": {"deleted": "/tmp/a", "cost_usd": 1}}}

    understood = note_of_result(result)

    assert understood.note == Note(
        side_effects=(SideEffect(kind="deleted", target="/tmp/a"),), cost_usd=1
    )


@pytest.mark.parametrize("meta", [None, 7, {}, {"other/note": {}}])
def test_a_result_without_a_note_has_none(meta):
    assert note_of_result({"_meta": meta}) is None


def test_a_note_in_a_result_that_makes_no_sense_is_told():
    assert note_of_result({"_meta": {"mcplens/note": "created 1"}}).complaints
    assert understand({"creatd": "x"}).complaints == ("words that no note has: 1",)
