import io

from mcplens.cli.bar import bar


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_where_there_is_no_terminal_a_line_is_written_now_and_then():
    stream, clock = io.StringIO(), Clock()

    with bar("compacting", stream=stream, clock=clock) as on_progress:
        for clock.now, done in [(0.0, 0), (9.0, 300_000), (10.0, 500_000), (19.0, 900_000)]:
            on_progress(done, 1_000_000)

    assert stream.getvalue() == "compacting: 50% of 1 MB, 50 kB/s, 10 s left\n"


def test_work_that_ends_soon_says_nothing():
    stream = io.StringIO()

    with bar("compacting", stream=stream) as on_progress:
        on_progress(1_000_000, 1_000_000)

    assert stream.getvalue() == ""


def test_on_a_terminal_there_is_a_bar_and_it_goes_away():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()

    with bar("compacting", stream=stream) as on_progress:
        on_progress(500_000, 1_000_000)

    shown = stream.getvalue()
    assert "compacting" in shown
    assert "0.5/1.0 MB" in shown
