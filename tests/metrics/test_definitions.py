from tests.builders import definition


def test_a_definition_seen_on_many_connections_is_one(metrics_of):
    rows = [
        definition(at=0, connection_id="c1"),
        definition(at=60, connection_id="c2"),
        definition(at=30, connection_id="c3"),
    ]

    [row] = metrics_of(rows, "definitions")

    assert (row.revision, row.is_current, row.connection_count) == (1, True, 3)
    assert (row.first_seen_at.minute, row.last_seen_at.minute) == (0, 1)


def test_a_definition_that_changed_is_another_and_the_last_seen_is_current(metrics_of):
    rows = [
        definition(at=0, definition_hash="old", definition_bytes=20),
        definition(at=60, definition_hash="new", definition_bytes=90),
    ]

    seen = metrics_of(rows, "definitions", order_by="revision")

    assert [(row.definition_hash, row.revision, row.is_current) for row in seen] == [
        ("old", 1, False),
        ("new", 2, True),
    ]


def test_a_definition_that_was_taken_back_is_current_again(metrics_of):
    rows = [
        definition(at=0, definition_hash="a"),
        definition(at=60, definition_hash="b"),
        definition(at=120, definition_hash="a"),
    ]

    seen = metrics_of(rows, "definitions", order_by="revision")

    assert [(row.definition_hash, row.is_current) for row in seen] == [("a", True), ("b", False)]


def test_names_kinds_and_servers_are_told_apart(metrics_of):
    rows = [
        definition(),
        definition(name="write_file"),
        definition(kind="prompt"),
        definition(server_name="git"),
    ]

    assert [row.is_current for row in metrics_of(rows, "definitions")] == [True] * 4
