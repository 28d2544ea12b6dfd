import pytest

from mcplens.capture.note import Note
from mcplens.capture.noted import write_notes
from mcplens.capture.privacy import Privacy
from mcplens.config import ToolNotes
from mcplens.events import SideEffect
from tests.builders import call

KEY = b"k" * 32


def written(*, told=None, of_result=None, configured=None, keep="shape"):
    event = call()
    privacy = Privacy(keep, key=KEY)
    write_notes(event, told=told, of_result=of_result, configured=configured, privacy=privacy)
    return event


def test_the_tools_word_goes_over_its_results_and_that_over_the_files():
    event = written(
        told=Note(upstream="tool"),
        of_result=Note(upstream="result", checkpoint="half"),
        configured=ToolNotes(upstream="file", cost_usd=0.5),
    )

    assert (event.upstream, event.checkpoint, event.cost_usd) == ("tool", "half", 0.5)
    assert event.note_basis == "tool"


@pytest.mark.parametrize(
    ("notes", "basis"),
    [
        ({"configured": ToolNotes(cost_usd=0)}, "configuration"),
        ({"of_result": Note(cost_usd=0), "configured": ToolNotes(cost_usd=1)}, "result"),
        ({"told": Note(), "of_result": Note(is_idempotent=False)}, "result"),
        ({"told": Note(), "of_result": Note()}, None),
        ({}, None),
    ],
)
def test_the_basis_is_the_first_that_said_anything(notes, basis):
    assert written(**notes).note_basis == basis


def test_a_note_over_an_annotation_counts():
    event = written(told=Note(is_idempotent=True, reversibility="permanent"))

    assert (event.is_idempotent, event.reversibility) == (True, "permanent")


def test_of_addresses_the_query_is_cut_off_wherever_they_stand():
    secret = "https://ada@crm.example/1?token=hunter2#hunter2"
    effect = SideEffect(kind="created", target=secret, detail=f"see {secret} there")

    event = written(told=Note(side_effects=(effect,), checkpoint=f"at {secret}", upstream=secret))

    [kept] = event.side_effects
    assert kept.target == "https://crm.example/1"
    assert kept.detail.startswith("see ")
    assert kept.detail.endswith(" there")
    assert "hunter2" not in f"{kept} {event.checkpoint} {event.upstream}"


def test_a_credential_is_kept_as_a_fingerprint_only():
    event = written(told=Note(credential_id="hunter2", credential_mode="service"))

    assert event.credential_mode == "service"
    assert len(event.credential_id) == 32


def test_under_none_is_kept_what_kind_of_change_it_was_and_no_more():
    effect = SideEffect(kind="sent", target="mail to Ada", detail="about Bob")
    told = Note(side_effects=(effect,), checkpoint="Ada told", cost_usd=1, credential_id="x")

    event = written(told=told, keep="none")

    assert event.side_effects == [SideEffect(kind="sent")]
    assert (event.checkpoint, event.credential_id, event.cost_usd) == (None, None, 1)
