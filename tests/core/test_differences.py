"""Where two JSON values differ, in words."""

from esrlab.core.differences import differences


def test_a_long_name_or_value_is_told_short() -> None:
    (line,) = differences({"a" * 9000: "b" * 9000}, {"a" * 9000: [1] * 9000})
    assert len(line) < 400
    assert line.startswith("aaa")


def test_terms_are_compared_by_their_names() -> None:
    pixel, tv = {"name": "pixel", "weight": 1.0}, {"name": "tv", "weight": 0.5}
    assert differences({"terms": [pixel]}, {"terms": [pixel, tv]}) == [
        "terms.tv: none there, {'name': 'tv', 'weight': 0.5} asked"
    ]
    assert differences({"terms": [tv, pixel]}, {"terms": [{**pixel, "weight": 2.0}]}) == [
        "terms.tv: {'name': 'tv', 'weight': 0.5} there, none asked",
        "terms.pixel.weight: 1.0 there, 2.0 asked",
    ]


def test_no_difference_between_lists_is_passed_over() -> None:
    one, other = {"name": "one"}, {"name": "other"}
    assert differences({"terms": [one, other]}, {"terms": [other, one]}), "their order"
    assert differences({"terms": [one]}, {"terms": [one, one]}), "twice"
    assert differences({"seeds": [0]}, {"seeds": [0, 1]}) == ["seeds: [0] there, [0, 1] asked"]
