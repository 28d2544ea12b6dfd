"""What another observer is held to as well: the transcripts in data/, and what they must become."""

from typing import get_args

import pytest

from mcplens.events import Outcome
from tests.golden import TRANSCRIPTS, expected_of, in_order, play, told_as

NAMES = sorted(path.stem for path in TRANSCRIPTS.glob("*.jsonl"))


@pytest.fixture(params=NAMES)
def transcript(request):
    return TRANSCRIPTS / f"{request.param}.jsonl"


def test_a_transcript_becomes_the_events_that_stand_beside_it(transcript):
    expected = expected_of(transcript)["events"]

    events = in_order(play(transcript))

    assert [told_as(*pair) for pair in zip(expected, events, strict=True)] == expected


def test_a_transcript_becomes_the_notices_that_stand_beside_it(transcript):
    expected = expected_of(transcript)["notices"]

    notices = play(transcript).notices

    assert [told_as(*pair) for pair in zip(expected, notices, strict=True)] == expected


def test_each_request_ends_once_and_each_call_has_one_last_round(transcript):
    recorded = play(transcript)

    assert len({event.event_id for event in recorded.events}) == len(recorded.events)
    last = [event.call_id for event in recorded.calls if event.is_final]
    assert sorted(last) == sorted({event.call_id for event in recorded.calls})


def test_together_they_show_every_outcome():
    shown = {
        event.outcome for name in NAMES for event in play(TRANSCRIPTS / f"{name}.jsonl").events
    }

    assert shown == set(get_args(Outcome)) - {"unknown"}  # Only a log leaves an end untold.
