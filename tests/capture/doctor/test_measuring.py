from mcplens.capture.doctor.measuring import added, in_turns, measured


def test_the_median_stands_between_two_ranks_of_the_same_values():
    assert measured([5.0, 1.0, 3.0]) == (3.0, 1.0, 5.0)
    assert measured([float(value) for value in range(100)]) == (49.5, 39.0, 60.0)


def test_what_is_added_is_compared_round_by_round():
    # Both get slower together; one takes two more each time.
    assert added([12.0, 102.0, 52.0], [10.0, 100.0, 50.0]) == (2.0, 2.0, 2.0)


def test_every_way_gets_its_turn_in_every_round():
    turns = []
    ways = {name: lambda name=name: turns.append(name) or 1.0 for name in "ab"}

    found = in_turns(ways, rounds=3)

    assert found == {"a": [1.0] * 3, "b": [1.0] * 3}
    assert [set(turns[n : n + 2]) for n in (0, 2, 4)] == [{"a", "b"}] * 3
