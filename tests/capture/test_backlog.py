from mcplens.capture.backlog import READ_AT_ONCE, Backlog


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
