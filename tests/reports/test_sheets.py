from mcplens.reports.sheets import latency_sheet

TOOL = {"server_name": "files", "tool_name": "read_file"}
TIMES = {"p50_ms": 5.0, "p95_ms": 40.0, "p99_ms": 90.0, "call_count": 100}


def test_of_several_budgets_the_table_has_the_one_that_the_figure_draws():
    missed = {**TOOL, "limit_ms": 20.0, "budget_ratio": 2.0, "is_over": True}
    kept = {**TOOL, "limit_ms": 400.0, "budget_ratio": 0.1, "is_over": False}

    sheet = latency_sheet([{**TOOL, **TIMES}], [missed, kept])

    [line] = sheet.lines
    assert [cell.text for cell in line.cells[-2:]] == ["20 ms", "2×"]
