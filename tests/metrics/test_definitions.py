import pytest

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


def listed(run_id, *, at, **definitions):
    """Let a run list definitions, each given by its hash."""
    return [
        definition(run_id=run_id, at=at, name=name, definition_hash=hash_)
        for name, hash_ in definitions.items()
    ]


def changes(seen):
    return {(row.name, row.definition_hash): row.run_change for row in seen if row.run_change}


def test_what_changed_since_the_run_before_is_one_select(metrics_of):
    rows = [
        *listed("run1", at=0, gone_long_ago="g"),
        *listed("run2", at=60, same="s", read="r1", dropped="d"),
        *listed("run3", at=120, same="s", read="r2", fresh="f"),
    ]

    seen = metrics_of(rows, "definitions")

    assert changes(seen) == {
        ("fresh", "f"): "added",
        ("read", "r2"): "changed",
        ("read", "r1"): "replaced",
        ("dropped", "d"): "removed",
    }


def test_of_a_server_seen_in_one_run_nothing_has_changed(metrics_of):
    rows = [
        *listed("run1", at=0, read="r1"),
        *listed("run1", at=60, read="r2"),
        definition(run_id="run2", at=90, server_name="git"),
    ]

    assert changes(metrics_of(rows, "definitions")) == {}


def test_a_run_that_listed_nothing_of_a_kind_removed_nothing(metrics_of):
    rows = [
        *listed("run1", at=0, read="r1"),
        *listed("run2", at=60, read="r1"),
        definition(run_id="run3", at=90, kind="prompt", name="greet"),
    ]

    assert changes(metrics_of(rows, "definitions")) == {}


def test_what_was_taken_back_has_changed_again(metrics_of):
    rows = [
        *listed("run1", at=0, read="r1"),
        *listed("run2", at=60, read="r2"),
        *listed("run3", at=120, read="r1"),
    ]

    seen = metrics_of(rows, "definitions", order_by="revision")

    assert changes(seen) == {("read", "r1"): "changed", ("read", "r2"): "replaced"}
    assert [(row.replaces_hash, row.replaced_by_hash) for row in seen] == [
        ("r2", None),
        ("r1", None),
    ]


def test_a_definition_knows_its_runs_and_what_replaced_it(metrics_of):
    rows = [
        *listed("run1", at=0, read="r1"),
        *listed("run2", at=60, read="r1"),
        *listed("run3", at=120, read="r2"),
    ]

    [old, new] = metrics_of(rows, "definitions", order_by="revision")

    assert (old.first_run_id, old.last_run_id, old.run_count) == ("run1", "run2", 2)
    assert (new.first_run_id, new.last_run_id, new.run_count) == ("run3", "run3", 1)
    assert (old.replaces_hash, old.replaced_by_hash, old.replaced_at.minute) == (None, "r2", 2)
    assert (new.replaces_hash, new.replaced_by_hash, new.replaced_at) == ("r1", None, None)


PARTS = {
    "description": '{"name":"a","description":"Send it.","inputSchema":{"type":"object"}}',
    "title": '{"name":"a","description":"Read it.","title":"A","inputSchema":{"type":"object"}}',
    "inputSchema": '{"name":"a","description":"Read it.","inputSchema":{"type":"string"}}',
    "description, outputSchema": (
        '{"name":"a","inputSchema":{"type":"object"},"outputSchema":{"type":"object"}}'
    ),
    "annotations": (
        '{"name":"a","description":"Read it.","inputSchema":{"type":"object"},'
        '"annotations":{"readOnlyHint":true}}'
    ),
    "arguments": (
        '{"name":"a","description":"Read it.","inputSchema":{"type":"object"},'
        '"arguments":[{"name":"q"}]}'
    ),
    "other": (
        '{"name":"a","description":"Read it.","inputSchema":{"type":"object"},'
        '"icons":[{"src":"x"}]}'
    ),
}


@pytest.mark.parametrize("parts", PARTS)
def test_a_definition_says_in_what_it_differs_from_the_one_before(metrics_of, parts):
    before = '{"name":"a","description":"Read it.","inputSchema":{"type":"object"}}'
    rows = [
        definition(run_id="run1", at=0, definition_hash="1", definition=before),
        definition(run_id="run2", at=60, definition_hash="2", definition=PARTS[parts]),
    ]

    [old, new] = metrics_of(rows, "definitions", order_by="revision")

    assert (old.changed_parts, new.changed_parts) == (None, parts)
