from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.report import in_json, sorted_by_gravity, summary

FINE, LOW, FULL = (Finding(code, "disk", "text", "mend") for code in
                   ("disk.fine", "disk.low", "disk.full"))  # fmt: skip


def test_what_fails_comes_first_and_equals_stay_in_order() -> None:
    other = Finding("home.fine", "home", "text")
    assert sorted_by_gravity([FINE, LOW, other, FULL]) == [FULL, LOW, FINE, other]


def test_a_document_says_it_all() -> None:
    told = in_json([FINE, LOW])
    assert told["statusCode"] == "warn"
    assert told["findings"] == [
        {"code": "disk.low", "level": "warn", "where": "disk", "text": "text", "remedy": "mend"},
        {"code": "disk.fine", "level": "pass", "where": "disk", "text": "text", "remedy": "mend"},
    ]


def test_the_last_line_counts() -> None:
    assert summary([FINE, FINE]) == "All is well: 2 checks passed."
    assert summary([FINE, LOW, FULL]) == "1 failed, 1 to look into, 1 passed."
