import sys

from mcplens.capture.doctor import on_the_path


def test_what_does_not_end_by_itself_is_made_to(monkeypatch):
    monkeypatch.setattr(on_the_path, "READY_S", 0.01)

    with on_the_path._running([sys.executable, "-c", "import time; time.sleep(60)"]) as pipe:
        assert pipe is not None
