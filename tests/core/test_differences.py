"""Where two JSON values differ, in words."""

from esrlab.core.differences import differences


def test_a_long_name_or_value_is_told_short() -> None:
    (line,) = differences({"a" * 9000: "b" * 9000}, {"a" * 9000: [1] * 9000})
    assert len(line) < 400
    assert line.startswith("aaa")
