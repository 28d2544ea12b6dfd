"""The names that users import are there, and importing them costs nothing."""

import mcplens


def test_every_public_name_is_there():
    for name in mcplens.__all__:
        assert getattr(mcplens, name) is not None


def test_names_are_listed_in_order():
    assert mcplens.__all__ == sorted(mcplens.__all__)
