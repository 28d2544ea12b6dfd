import sys
import threading

import pytest

from mcplens.capture.row_queue import CHUNK_ROWS, ROW_BYTES, RowQueue, weigh
from tests.builders import call, definition, notice


def test_rows_come_out_in_their_order_a_few_at_a_time():
    queue = RowQueue()
    rows = [call() for _ in range(CHUNK_ROWS + 1)]
    for row in rows:
        assert queue.append(row)

    first = queue.chunk()
    queue.written(first)

    assert first == rows[:CHUNK_ROWS]
    assert queue.chunk() == rows[CHUNK_ROWS:]


def test_a_chunk_that_is_not_written_comes_again():
    queue = RowQueue()
    queue.append(call(sequence=1))

    assert queue.chunk() == queue.chunk()
    assert len(queue) == 1


def test_what_is_too_much_in_number_finds_no_room():
    queue = RowQueue(max_rows=2)

    assert [queue.append(call()) for _ in range(3)] == [True, True, False]

    queue.written(queue.chunk())
    assert queue.append(call())


@pytest.mark.parametrize(
    "row",
    [
        call(arguments="x" * 1_000),
        call(result="x" * 1_000),
        definition(definition="x" * 1_000),
    ],
)
def test_contents_weigh_what_they_are_long(row):
    queue = RowQueue(max_bytes=4_000)

    assert weigh(row) == ROW_BYTES + 1_000 == 2_000
    assert [queue.append(row) for _ in range(3)] == [True, True, False]


def test_a_single_row_may_weigh_more_than_there_is_room():
    queue = RowQueue(max_bytes=4_000)

    assert queue.append(call(result="x" * 9_000))
    assert not queue.append(notice())


def test_a_chunk_of_heavy_rows_is_short_so_that_writing_it_takes_no_longer():
    queue = RowQueue()
    light, heavy = call(result="x" * 100_000), call(result="x" * 300_000)
    for row in (light, light, light, heavy, light):
        queue.append(row)

    chunks = []
    while chunk := queue.chunk():
        queue.written(chunk)
        chunks.append(chunk)

    assert chunks == [[light, light], [light], [heavy], [light]]


def test_a_row_that_must_not_be_dropped_is_taken_without_room():
    queue = RowQueue(max_rows=1)
    queue.append(call())
    told = notice()

    assert not queue.has_room()
    queue.insist(told)

    assert queue.chunk()[-1] is told


def test_whoever_can_wait_does_so_at_half_of_the_weight():
    queue = RowQueue(max_bytes=8_000)

    queue.append(call(result="x" * 3_000))
    assert not queue.is_filled(below=2)
    queue.append(call())
    assert queue.is_filled(below=3)
    assert queue.is_filled(below=2)


def test_a_closed_queue_takes_nothing_and_says_what_it_drops():
    queue = RowQueue()
    queue.append(call())

    assert queue.close() == 1
    assert not queue.append(call())
    assert queue.chunk() == []


def test_a_weight_that_was_counted_wrong_is_right_again_when_the_queue_is_empty():
    queue = RowQueue(max_bytes=2_000)
    queue._added_bytes += 9_000  # As when two threads add at once.
    queue.append(call())
    queue.written(queue.chunk())

    assert [queue.append(call()) for _ in range(3)] == [True, True, False]


def test_rows_are_taken_while_other_threads_append():
    queue = RowQueue(max_rows=10**9, max_bytes=10**12)
    row, added, taken = call(), 20_000, []
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # Threads take turns wherever they can.
    try:
        adding = threading.Thread(target=lambda: [queue.append(row) for _ in range(added)])
        adding.start()
        while adding.is_alive() or queue:
            chunk = queue.chunk()
            queue.written(chunk)
            taken += chunk
        adding.join()
    finally:
        sys.setswitchinterval(before)

    assert len(taken) == added


def test_a_row_that_is_made_wrong_is_taken_as_any_other():
    queue = RowQueue()

    assert queue.append(call(arguments=7, result=object()))
    assert len(queue.chunk()) == 1
