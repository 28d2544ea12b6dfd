import pytest

from mcplens.capture.failures import failure_of_error, failure_of_result


def classed(failure):
    return failure.error_class, failure.rule


def is_error(words, **parts):
    return {"content": [{"type": "text", "text": words}], "isError": True, **parts}


@pytest.mark.parametrize(
    ("method", "code", "message", "error_class", "rule"),
    [
        # mcp-server-git and -time; the TypeScript SDK, v1 and v2; rmcp.
        ("tools/call", -32602, "Unknown tool: x", "unknown_tool", "code_-32602_unknown_tool"),
        ("tools/call", -32602, "Tool x not found", "unknown_tool", "code_-32602_unknown_tool"),
        ("tools/call", -32602, "tool not found", "unknown_tool", "code_-32602_unknown_tool"),
        (
            "tools/call",
            -32602,
            "MCP error -32602: Tool x not found",
            "unknown_tool",
            "code_-32602_unknown_tool",
        ),
        ("tools/call", -32601, "Unknown tool: x", "unknown_tool", "code_-32601_unknown_tool"),
        ("tools/call", -32601, "Method not found", "invalid_arguments", "code_-32601"),
        ("tools/call", -32602, "Invalid request parameters", "invalid_arguments", "code_-32602"),
        (
            "tools/call",
            -32602,
            "Output validation error: Tool x has an output schema",
            "schema_violation",
            "code_-32602_output_validation",
        ),
        (
            "tools/call",
            -32603,
            '[\n  {\n    "expected": "string",\n    "path": [\n      "params",\n      "name"]}]',
            "invalid_arguments",
            "code_-32603_request_schema",
        ),
        ("prompts/get", -32602, "Prompt x not found", "invalid_arguments", "code_-32602"),
        ("foo/bar", -32601, "Method not found", "invalid_arguments", "code_-32601"),
        ("tools/call", -32600, "Invalid Request", "invalid_arguments", "code_-32600"),
        # mcp 2.3, where a tool asks back on a connection of the stateless era; and its client that
        # cannot be asked.
        (
            "tools/call",
            -32600,
            (
                "Cannot send 'elicitation/create': this transport context has no back-channel for "
                "server-initiated requests."
            ),
            "tool_failure",
            "code_-32600_cannot_ask_back",
        ),
        (
            "tools/call",
            -32600,
            "Elicitation not supported",
            "tool_failure",
            "code_-32600_cannot_ask_back",
        ),
        (
            "elicitation/create",
            -32600,
            "Elicitation not supported",
            "invalid_arguments",
            "code_-32600",
        ),
        ("tools/call", -32700, "Parse error", "invalid_arguments", "code_-32700"),
        ("tools/call", -32603, "Internal error", "internal", "code_-32603"),
        (
            "resources/read",
            -32002,
            "Resource not found",
            "invalid_arguments",
            "code_-32002_resource_not_found",
        ),
        # Since 2026-07-28 no meaning may be assumed of these.
        ("tools/call", -32002, "Resource not found", None, None),
        ("tools/call", -32000, "Connection closed", None, None),
        ("tools/call", -32001, "Request timed out", None, None),
        ("tools/call", -32042, "URL elicitation required", None, None),
        ("tools/call", -32020, "Header mismatch", "invalid_arguments", "code_-32020"),
        ("tools/call", 401, "Unauthorized", "auth", "code_401"),
        ("tools/call", 429, "Too many requests", "rate_limited", "code_429"),
        ("tools/call", 503, "Unavailable", "upstream", "code_503"),
        ("tools/call", 1234, "anything", None, None),
        ("tools/call", None, "anything", None, None),
        ("tools/call", "-32602", "anything", None, None),
        ("tools/call", True, "anything", None, None),
    ],
)
def test_a_json_rpc_error_is_classed_by_its_code(method, code, message, error_class, rule):
    failure = failure_of_error(method, {"code": code, "message": message})

    assert classed(failure) == (error_class, rule)
    assert failure.text == message


@pytest.mark.parametrize(
    ("version", "error_class"),
    [
        ("2025-11-25", "invalid_arguments"),
        ("2026-07-28", None),
        ("2027-01-01", None),
        (None, "invalid_arguments"),
    ],
)
def test_a_code_that_servers_may_use_as_they_like_means_nothing_since_then(version, error_class):
    error = {"code": -32002, "message": "Resource not found"}

    failure = failure_of_error("resources/read", error, protocol_version=version)

    assert failure.error_class == error_class
    assert failure.code == -32002


@pytest.mark.parametrize(
    ("data", "error_class", "rule"),
    [
        ({"status": 401}, "auth", "data_status_401"),
        ({"error": {"statusCode": 429}}, "rate_limited", "data_status_429"),
        ({"httpStatus": 502}, "upstream", "data_status_502"),
        ({"status": "401"}, "internal", "code_-32603"),
        ({"status": 200}, "internal", "code_-32603"),
        ("401", "internal", "code_-32603"),
        (None, "internal", "code_-32603"),
    ],
)
def test_structured_data_says_more_than_internal_error(data, error_class, rule):
    failure = failure_of_error("tools/call", {"code": -32603, "message": "no", "data": data})

    assert classed(failure) == (error_class, rule)


@pytest.mark.parametrize("error", [None, "broken", 5, [], {}, {"code": 2**70, "message": ["x"]}])
def test_an_error_that_is_none_has_no_class(error):
    failure = failure_of_error("tools/call", error)

    assert (failure.error_class, failure.code) == (None, None)


@pytest.mark.parametrize(
    ("words", "error_class", "rule"),
    [
        # mcp 2.3, fastmcp 4, and a server that says "Error:" first.
        ("Unknown tool: x_tool", "unknown_tool", "text_unknown_tool"),
        ("Unknown tool: 'x_tool'", "unknown_tool", "text_unknown_tool"),
        ("Error: Unknown tool: x_tool", "unknown_tool", "text_unknown_tool"),
        # The TypeScript SDK v1.
        (
            "MCP error -32602: Tool x_tool not found",
            "unknown_tool",
            "text_code_-32602_unknown_tool",
        ),
        (
            "MCP error -32602: Input validation error: Invalid arguments for tool x_tool: path",
            "invalid_arguments",
            "text_code_-32602",
        ),
        (
            "MCP error -32601: Tool x_tool requires task augmentation (taskSupport: 'required')",
            "invalid_arguments",
            "text_code_-32601",
        ),
        ("MCP error -32603: boom", "internal", "text_code_-32603"),
        ("MCP error -32000: boom", "tool_failure", "is_error"),
        (
            "MCP error -32602: Output validation error: Invalid structured content",
            "schema_violation",
            "text_output_validation",
        ),
        # mcp 1.x and 2.x, fastmcp 4.
        ("Input validation error: 'a' is required", "invalid_arguments", "text_input_validation"),
        (
            "Output validation error: no structured output",
            "schema_violation",
            "text_output_validation",
        ),
        (
            "Error executing tool x_tool: 2 validation errors for x_toolArguments\na\n  Missing",
            "invalid_arguments",
            "text_input_validation",
        ),
        ("1 validation error for call[x_tool]\na", "invalid_arguments", "text_input_validation"),
        # A tool whose own model does not fit has not been called wrongly.
        ("Error executing tool x_tool: 1 validation error for User", "tool_failure", "is_error"),
        ("Unknown tool: hammer", "tool_failure", "is_error"),
        ("GET /v1/users failed: HTTP 401", "auth", "text_status_401"),
        ("Client error '403 Forbidden' for url", "auth", "text_status_403"),
        ("Request failed with status code 429", "rate_limited", "text_status_429"),
        ("upstream said 503 Service Unavailable", "upstream", "text_status_503"),
        ("HTTP/1.1 502 Bad Gateway", "upstream", "text_status_502"),
        ('{"status": 429}', "rate_limited", "text_status_429"),
        ("issue 401 could not be closed", "tool_failure", "is_error"),
        ("HTTP 404", "tool_failure", "is_error"),
        ("Unauthorized", "tool_failure", "is_error"),
        ("boom", "tool_failure", "is_error"),
        ("", "tool_failure", "is_error"),
    ],
)
def test_a_result_with_is_error_is_classed_by_its_words(words, error_class, rule):
    failure = failure_of_result(is_error(words), target="x_tool")

    assert classed(failure) == (error_class, rule)
    assert failure.text == words


def test_a_code_in_the_words_is_kept_as_the_code():
    assert failure_of_result(is_error("MCP error -32000: boom"), target="a").code == -32000
    assert failure_of_result(is_error("MCP error -123456: boom"), target="a").code is None


def test_structured_content_may_say_the_status():
    result = is_error("no", structuredContent={"error": {"status": 429}})

    assert classed(failure_of_result(result, target="a")) == ("rate_limited", "data_status_429")


@pytest.mark.parametrize("content", [None, "text", [], [5], [{"type": "image", "data": "x"}]])
def test_is_error_without_words_is_a_tool_failure(content):
    failure = failure_of_result({"isError": True, "content": content}, target="a")

    assert classed(failure) == ("tool_failure", "is_error")
    assert failure.text is None


def test_endless_words_are_read_in_part_only():
    failure = failure_of_result(is_error("tool " * 1_000_000), target="tool")

    assert classed(failure) == ("tool_failure", "is_error")
    assert len(failure.text) == 2000
