import click

from tests.builders import call


def test_a_page_is_written_where_it_is_asked_for(mcplens, record, tmp_path):
    record(call())

    ran = mcplens("report", "-o", str(tmp_path / "page.html"))

    assert (ran.code, ran.out) == (0, f"{tmp_path / 'page.html'}\n")
    assert "files:read_file" in (tmp_path / "page.html").read_text()
    assert "files:read_file took 10 ms in its only call" in ran.err


def test_the_page_lies_in_the_current_folder_if_nobody_says_where(
    mcplens, record, tmp_path, monkeypatch
):
    record(call())
    monkeypatch.chdir(tmp_path)

    assert mcplens("report").out == "report.html\n"


def test_the_page_is_opened_on_wish(mcplens, record, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(click, "launch", opened.append)
    record(call())

    mcplens("report", "-o", str(tmp_path / "page.html"), "--open")

    assert opened == [(tmp_path / "page.html").as_uri()]


def test_filters_hold_for_the_page(mcplens, record, tmp_path):
    record(call(), call(target="write_file"))

    mcplens("report", "-o", str(tmp_path / "page.html"), "--tool", "write_file")

    page = (tmp_path / "page.html").read_text()
    assert "files:write_file" in page
    assert "files:read_file" not in page


def test_a_folder_that_is_not_there_is_one_line(mcplens, record, tmp_path):
    record(call())

    ran = mcplens("report", "-o", str(tmp_path / "nowhere" / "page.html"))

    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.splitlines()[-1].startswith("mcplens: ")
