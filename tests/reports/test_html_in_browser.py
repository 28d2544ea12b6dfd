"""The report as a stranger opens it: a file, a browser, no network."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from mcplens.metrics.connect import connect
from mcplens.reports.html import write_report
from mcplens.store.location import create
from mcplens.store.spool import Spool
from tests.browser import Tab, chromium
from tests.builders import call

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
HOSTILE = "</script><img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def browser(chromium_path):
    with chromium(chromium_path) as started:
        yield started


@pytest.fixture(scope="module")
def sample_report(tmp_path_factory):
    return write_report(connect(SAMPLE), tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def open_report(browser):
    """Open a report with the network off, and wait until its figures are drawn."""
    tabs = []

    def open_it(report, *, width=1280, scheme="light"):
        tab = Tab(
            browser,
            reachable=report.as_uri(),
            offline=True,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
        )
        tabs.append(tab)
        tab.page.goto(report.as_uri())
        tab.page.wait_for_selector("html[data-drawn='2']")
        return tab

    yield open_it
    for tab in tabs:
        tab.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_is_drawn_and_only_the_file_is_asked_for(open_report, sample_report, scheme):
    tab = open_report(sample_report, scheme=scheme)

    marks = tab.page.eval_on_selector_all(
        ".plot", "plots => plots.map(plot => plot.querySelectorAll('svg path').length)"
    )

    assert len(marks) == 2
    assert min(marks) > 20
    assert tab.requested == [sample_report.as_uri()]
    assert tab.complaints == []


def test_dark_mode_is_dark_and_can_be_turned_off(open_report, sample_report):
    tab = open_report(sample_report, scheme="dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    dots = "document.querySelector('#latency .mark-symbol path').getAttribute('fill')"

    assert tab.page.evaluate(background) == "rgb(15, 20, 26)"
    assert tab.page.evaluate(dots) == "#5ab0f2"

    tab.page.select_option("#theme", "light")
    expect(tab.page.locator("#latency .mark-symbol path").first).to_have_attribute(
        "fill", "#0b62a8"
    )
    assert tab.page.evaluate(background) == "rgb(255, 255, 255)"


def test_a_picked_tool_filters_every_figure_and_table(open_report, sample_report):
    page = open_report(sample_report).page
    figures = [page.locator(f"#{name}") for name in ("latency", "outcomes")]
    for figure in figures:
        expect(figure).to_contain_text("browser:navigate")

    page.select_option("#tool", "search:fetch_url")

    for figure in figures:
        expect(figure).not_to_contain_text("browser:navigate")
        expect(figure).to_contain_text("search:fetch_url")
    shown = "rows => rows.filter(row => !row.hidden).map(row => row.dataset.tool)"
    assert set(page.eval_on_selector_all("tr[data-tool]", shown)) == {"search:fetch_url"}

    page.click("#all")
    for figure in figures:
        expect(figure).to_contain_text("browser:navigate")
    assert page.input_value("#tool") == ""


def test_a_click_on_a_bar_picks_its_tool(open_report, sample_report):
    page = open_report(sample_report).page

    page.locator("#outcomes .mark-rect path").nth(1).click()

    assert page.input_value("#tool") == "search:fetch_url"


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_scrolls_sideways(open_report, sample_report, width):
    page = open_report(sample_report, width=width).page

    sizes = page.evaluate(
        "[document.documentElement.scrollWidth,"
        " ...[...document.querySelectorAll('.plot')].map(plot => plot.scrollWidth)]"
    )

    assert max(sizes) <= width


def test_the_figures_follow_the_width_of_the_window(open_report, sample_report):
    page = open_report(sample_report).page

    page.set_viewport_size({"width": 500, "height": 900})

    page.wait_for_function(
        "() => [...document.querySelectorAll('.plot svg')]"
        ".every(svg => svg.clientWidth > 400 && svg.clientWidth <= 476)"
    )


def test_hostile_names_are_drawn_as_text(open_report, tmp_path):
    store = create(tmp_path / "store")
    spool = Spool(store, run_id="run1")
    spool.write([call(target=HOSTILE, outcome="timeout"), call(target="#0b62a8")])
    spool.close()

    tab = open_report(write_report(connect(store.path), tmp_path / "report.html"), scheme="dark")

    expect(tab.page.locator("#latency")).to_contain_text("files:#0b62a8")
    tab.page.select_option("#tool", f"files:{HOSTILE}")
    expect(tab.page.locator("#latency")).not_to_contain_text("files:#0b62a8")
    assert tab.page.title().startswith("MCP telemetry")
    assert tab.page.locator("img").count() == 0
    assert tab.complaints == []


def test_the_tool_can_be_picked_by_keyboard(open_report, sample_report):
    page = open_report(sample_report).page

    page.focus("#tool")
    page.keyboard.press("ArrowDown")

    assert page.input_value("#tool") == "browser:click"
    expect(page.locator("#latency")).not_to_contain_text("fetch_url")


@pytest.fixture
def long_names(tmp_path):
    """Report on two servers of one kind, whose tools have the same long names."""
    store = create(tmp_path / "store")
    spool = Spool(store, run_id="run1")
    tools = ("throw_away", "list_what_expires")
    servers = ("pantry", "pantry-legacy-of-the-old-kitchen")
    spool.write([call(server_name=server, target=tool) for server in servers for tool in tools])
    spool.close()
    return write_report(connect(store.path), tmp_path / "report.html")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_long_name_keeps_its_tool_whole_beside_a_figure(open_report, long_names, width):
    page = open_report(long_names, width=width).page

    labels = page.locator("#latency .role-axis-label text").all_text_contents()

    names = {label for label in labels if ":" in label}
    assert {name.partition(":")[2] for name in names} == {"throw_away", "list_what_expires"}
    assert len(names) == 4
    assert max(name.count("…") for name in names) <= 1


def test_a_line_of_a_sentence_does_not_end_inside_a_name(open_report, tmp_path):
    store = create(tmp_path / "store")
    spool = Spool(store, run_id="run1")
    spool.write([call(server_name="mcp-git-of-ours", target="diff")])
    spool.close()
    page = open_report(write_report(connect(store.path), tmp_path / "report.html")).page

    page.locator(".lead").evaluate("lead => { lead.style.width = '250px' }")

    [first, *_] = page.locator(".name").all()
    assert first.text_content() == "mcp-git-of-ours:diff"
    assert first.bounding_box()["height"] < 30


def test_a_long_name_cuts_no_number_of_a_table(open_report, long_names):
    page = open_report(long_names).page

    box = page.locator("[aria-label='Every tool']")

    assert box.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
