import pytest

from mcplens.reports.bundle import vega_script


@pytest.fixture
def bundling(monkeypatch):
    """Count how often the script is bundled, and say what comes out."""
    made = []

    def bundle(snippet, vl_version):
        made.append(vl_version)
        return f"/* {vl_version} */ {snippet}"

    monkeypatch.setattr("vl_convert.javascript_bundle", bundle)
    return made


def test_the_script_is_bundled_once(tmp_path, bundling):
    first, second = vega_script(tmp_path / "cache"), vega_script(tmp_path / "cache")

    assert first == second
    assert "window.vegaEmbed" in first
    assert bundling == ["6.4"]


def test_half_a_script_is_not_used(tmp_path, bundling):
    whole = vega_script(tmp_path)
    [kept] = tmp_path.iterdir()
    kept.write_text(whole[:10])

    assert vega_script(tmp_path) == whole
    assert kept.read_text() == whole


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path, bundling):
    (tmp_path / "file").write_text("")

    assert "window.vegaEmbed" in vega_script(tmp_path / "file" / "cache")
    assert "window.vegaEmbed" in vega_script(tmp_path / "file" / "cache")
    assert len(bundling) == 2
