from mcplens.reports.strip import Latency, Scale, draw_strip, draw_strips, scale_of, strip_title


def latency(p50, p95, p99, budget=None):
    return Latency(p50_ms=p50, p95_ms=p95, p99_ms=p99, budget_ms=budget)


def test_the_scale_ends_at_round_times():
    assert scale_of([latency(4.0, 20.0, 25.0)]) == Scale(low_ms=3.0, high_ms=30.0)


def test_a_budget_belongs_to_the_scale():
    assert scale_of([latency(4.0, 20.0, 25.0, budget=200.0)]) == Scale(low_ms=3.0, high_ms=300.0)


def test_the_scale_is_never_narrower_than_a_factor_of_ten():
    assert scale_of([latency(1.0, 1.0, 1.0)]) == Scale(low_ms=1.0, high_ms=10.0)


def test_nothing_timed_has_no_scale():
    assert draw_strips([latency(None, None, None)], 20)[0] == ""


def test_a_factor_of_ten_is_the_same_length_everywhere():
    scale = Scale(low_ms=1.0, high_ms=1000.0)

    drawn = draw_strip(latency(1.0, 10.0, 1000.0, budget=100.0), scale, 31)

    assert drawn.plain == "──────────●─────────│──────────"


def test_a_time_below_the_scale_is_drawn_at_its_edge():
    assert Scale(low_ms=1.0, high_ms=10.0).place(0.0, 10) == 0


def test_the_title_explains_the_marks_where_there_is_room():
    scale = Scale(low_ms=1.0, high_ms=1000.0)

    assert strip_title(scale, 36) == "1 ms ───── p50 ──●p95── p99 ──── 1 s"
    assert strip_title(scale, 20) == "1 ms ─── log ─── 1 s"
    assert strip_title(scale, 14) == "1 ms ───── 1 s"
