from tests.builders import call, connection


def seen_by(observer, *, shadowed_by=None, **durations):
    """Let an observer see calls with ids 1, 2, …, each of them as long as is said."""
    yield connection(run_id=observer, observer=observer, shadowed_by=shadowed_by)
    for number, duration_ms in enumerate(durations.pop("durations"), start=1):
        yield call(
            run_id=observer,
            observer=observer,
            event_id=f"{observer}-{number}",
            request_id=str(number),
            at=float(number),
            duration_ms=duration_ms,
            work_ms=duration_ms,
            **durations,
        )


def times(row):
    return (
        row.outer_observer,
        row.inner_observer,
        row.outer_duration_ms,
        row.inner_duration_ms,
        row.transport_ms,
        row.handler_ms,
    )


def test_a_call_that_three_observers_saw_is_two_hops_of_one_call(metrics_of):
    rows = [
        *seen_by("client", durations=[16.0]),
        *seen_by("proxy", shadowed_by="client-c1", durations=[14.0]),
        *seen_by("server", shadowed_by="proxy-c1", durations=[11.5]),
    ]

    [first, second] = metrics_of(rows, "hops", order_by="outer_duration_ms desc")

    assert times(first) == ("client", "proxy", 16.0, 14.0, 2.0, None)
    assert times(second) == ("proxy", "server", 14.0, 11.5, 2.5, 11.5)
    assert {first.call_id, second.call_id} == {"client-1"}
    assert {first.tool_name, second.tool_name} == {"read_file"}
    assert {first.server_name, second.server_name} == {"files"}


def test_each_call_is_matched_by_its_id(metrics_of):
    rows = [
        *seen_by("proxy", durations=[10.0, 20.0]),
        *seen_by("server", shadowed_by="proxy-c1", durations=[9.0, 18.0]),
    ]

    seen = metrics_of(rows, "hops", order_by="started_at")

    assert [(row.call_id, row.transport_ms) for row in seen] == [("proxy-1", 1.0), ("proxy-2", 2.0)]


def test_an_id_that_comes_again_is_matched_in_order(metrics_of):
    def both(observer, durations, **link):
        yield connection(run_id=observer, observer=observer, **link)
        for at, duration_ms in enumerate(durations):
            yield call(
                run_id=observer, observer=observer, request_id="1", at=at, duration_ms=duration_ms
            )

    rows = [
        *both("proxy", [10.0, 20.0]),
        *both("server", [9.0, 18.0], shadowed_by="proxy-c1"),
    ]

    seen = metrics_of(rows, "hops", order_by="started_at")

    assert [row.transport_ms for row in seen] == [1.0, 2.0]


def test_waiting_for_a_person_is_not_the_handlers_time(metrics_of):
    rows = [
        connection(run_id="proxy"),
        connection(run_id="server", observer="server", shadowed_by="proxy-c1"),
        call(run_id="proxy", request_id="1", duration_ms=105.0),
        call(
            run_id="server",
            observer="server",
            request_id="1",
            duration_ms=104.0,
            wait_ms=100.0,
            work_ms=4.0,
        ),
    ]

    [row] = metrics_of(rows, "hops")

    assert (row.transport_ms, row.handler_ms) == (1.0, 4.0)


def test_a_call_that_one_observer_did_not_see_is_no_hop(metrics_of):
    rows = [
        *seen_by("proxy", durations=[10.0, 20.0]),
        *seen_by("server", shadowed_by="proxy-c1", durations=[9.0]),
    ]

    [row] = metrics_of(rows, "hops")

    assert row.call_id == "proxy-1"


def test_where_one_gave_up_both_outcomes_are_told(metrics_of):
    rows = [
        *seen_by("proxy", durations=[100.0], outcome="timeout"),
        *seen_by("server", shadowed_by="proxy-c1", durations=[None], outcome="cancelled"),
    ]

    [row] = metrics_of(rows, "hops")

    assert (row.outer_outcome, row.inner_outcome) == ("timeout", "cancelled")
    assert row.transport_ms is None
