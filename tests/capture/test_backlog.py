from mcplens.capture.backlog import READ_AT_ONCE, Backlog, weigh


def test_what_is_noted_is_read_in_its_order_a_few_at_a_time():
    backlog = Backlog()
    for number in range(READ_AT_ONCE + 1):
        backlog.note(number)
    read = []

    assert backlog.read_some(read.append)
    assert read == list(range(READ_AT_ONCE))

    assert not backlog.read_some(read.append)
    assert read[-1] == READ_AT_ONCE


def test_what_finds_no_room_is_told_once():
    backlog = Backlog(max_waiting=1)

    assert backlog.has_room()
    backlog.note("first")
    assert not backlog.has_room()
    assert not backlog.has_room()

    assert backlog.take_lost() == 2
    assert backlog.take_lost() == 0


def test_what_there_is_no_time_for_is_lost():
    backlog = Backlog()
    backlog.note("late")

    backlog.drop()

    assert backlog.take_lost() == 1
    assert not backlog.read_some(print)


def test_what_is_too_heavy_together_finds_no_room_but_a_single_one_does():
    backlog = Backlog(max_bytes=100)

    assert backlog.has_room(1000)
    backlog.note("heavy", 1000)
    assert not backlog.has_room(1)

    assert not backlog.read_some(print)
    assert backlog.has_room(60)
    backlog.note("light", 60)
    assert not backlog.has_room(60)
    assert backlog.take_lost() == 2


def test_a_weight_is_told_from_a_few_looks():
    assert weigh("x" * 1000) == 1000
    # Two members at 32 bytes and a text of 5; two more and a text of 3; a number is in its 32.
    assert weigh({"a": "12345", "b": ["abc", 7]}) == 64 + 5 + 64 + 3
    assert weigh([[]] * 1_000_000) == 32 * 1_000_000
