from tests.builders import call


def test_failures_of_one_kind_are_one_row_that_names_the_newest(metrics_of):
    wrong = {"outcome": "tool_error", "error_class": "tool_failure", "error_message": "no such …"}
    newest = call(at=9, session_id="late", **wrong)
    rows = [call(at=0, **wrong), newest, call(at=5, **wrong)]

    [row] = metrics_of(rows, "errors")

    assert (row.call_count, row.last_call_id, row.last_session_id) == (3, newest.call_id, "late")
    assert (row.first_at.second, row.last_at.second) == (0, 9)


def test_ways_of_failing_are_told_apart(metrics_of):
    rows = [
        call(outcome="tool_error", error_class="tool_failure", error_message="a"),
        call(outcome="tool_error", error_class="tool_failure", error_message="b"),
        call(outcome="tool_error", error_class="auth", error_message="a"),
        call(outcome="protocol_error", error_code=-32603, error_message="a"),
        call(outcome="protocol_error", error_code=-32000, error_message="a"),
        call(outcome="timeout"),
        call(target="write", outcome="timeout"),
        call(method="prompts/get", target="greeting", outcome="timeout"),
        call(outcome="ok", error_class="soft_error"),
    ]

    assert [row.call_count for row in metrics_of(rows, "errors")] == [1] * 9


def test_what_did_not_fail_is_no_error(metrics_of):
    rows = [
        call(),
        call(outcome="cancelled"),
        call(outcome=None, duration_ms=None, work_ms=None),
        call(outcome="tool_error", is_warmup=True),
    ]

    assert metrics_of(rows, "errors") == []
