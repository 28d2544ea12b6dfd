import pytest

from mcplens.config import NO_SETTINGS, Settings, ToolNotes

BY_TOOL = Settings(
    keep_by_tool=(("files:*", "full"), ("files:secret_*", "none"), ("*:ask", "none"))
)


@pytest.mark.parametrize(
    ("server", "tool", "keep"),
    [
        ("files", "read", "full"),
        # The last that matches counts.
        ("files", "secret_read", "none"),
        ("files", "ask", "none"),
        ("mail", "ask", "none"),
        ("mail", "read", "shape"),
        ("Files", "read", "shape"),
        (None, "read", "shape"),
        # What is no call is kept no better than any tool of its server.
        ("files", None, "none"),
        ("mail", None, "none"),
    ],
)
def test_what_is_kept_is_said_by_the_last_glob_that_matches(server, tool, keep):
    assert BY_TOOL.keep_for(server, tool) == keep


def test_without_a_file_the_shape_is_kept_and_nothing_is_noted():
    assert NO_SETTINGS.keep_for("files", "read") == "shape"
    assert NO_SETTINGS.keep_for("files", None) == "shape"
    assert NO_SETTINGS.notes_for("files", "read") is None
    assert NO_SETTINGS.session_handle("files", "read") is None


def test_of_what_is_no_call_no_more_is_kept_than_the_default():
    settings = Settings(keep="none", keep_by_tool=(("files:*", "full"),))

    assert settings.keep_for("files", None) == "none"
    assert settings.keep_for("mail", None) == "none"


def test_the_command_line_says_the_default_and_globs_go_over_it():
    settings = BY_TOOL.with_keep("full")

    assert settings.keep_for("mail", "read") == "full"
    assert settings.keep_for("files", "secret_read") == "none"
    assert BY_TOOL.with_keep(None) is BY_TOOL


def test_none_on_the_command_line_is_none_everywhere():
    assert BY_TOOL.with_keep("none").keep_for("files", "read") == "none"


def test_after_trouble_the_command_line_cannot_ask_for_more():
    settings = Settings(keep="none", trouble="no TOML")

    assert settings.with_keep("full").keep_for("files", "read") == "none"


def test_notes_of_several_globs_add_up_field_by_field():
    settings = Settings(
        notes_by_tool=(
            ("*:*", ToolNotes(upstream="internet", cost_usd=0.1)),
            ("files:*", ToolNotes(cost_usd=0.0, is_idempotent=True)),
            ("files:write", ToolNotes(is_idempotent=False)),
        )
    )

    assert settings.notes_for("files", "write") == ToolNotes(
        upstream="internet", cost_usd=0.0, is_idempotent=False
    )
    assert settings.notes_for("mail", "send") == ToolNotes(upstream="internet", cost_usd=0.1)


def test_a_session_is_told_by_the_argument_that_the_last_glob_names():
    settings = Settings(handle_by_tool=(("*:*", "session_id"), ("shop:*", "basket")))

    assert settings.session_handle("shop", "buy") == "basket"
    assert settings.session_handle("files", "read") == "session_id"
