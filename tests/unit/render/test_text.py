"""Reports as text: the lines of code, the words, the summary."""

from __future__ import annotations

from sluicegate.capture.model import CaptureMode
from sluicegate.findings import Finding, Level, Location
from sluicegate.lint.report import JudgedRevision, Report
from sluicegate.render.frame import code_frame
from sluicegate.render.text import Look, render_text

SOURCE = "".join(f"line {number}\n" for number in range(1, 13))


def revision(**more: object) -> JudgedRevision:
    return JudgedRevision(**{"revision": "a", "file": "a.py", "capture": CaptureMode.RECORDED, "statements": 1, **more})


def finding(location: Location, **more: object) -> Finding:
    values = {
        "rule": "some-rule",
        "level": Level.ERROR,
        "location": location,
        "revision": "a",
        "message": "Harm.",
        **more,
    }
    return Finding(**values)


def test_one_line_is_underlined_from_column_to_column():
    assert list(code_frame("x = call(1)\n", Location("a", 1, 5, 1, 12))) == [
        ("1", "", "x = call(1)"),
        ("", "^", "    ^^^^^^^"),
    ]


def test_a_long_range_is_shown_with_a_gap():
    rows = list(code_frame(SOURCE, Location("a", 2, 1, 11, 8)))
    assert [number for number, _, _ in rows] == ["2", "3", "4", "5", "", "11"]
    assert rows[4] == ("", "…", "")


def test_a_place_outside_the_source_has_no_frame():
    assert list(code_frame("", Location("a", 1, 1, 1, 1))) == []
    assert list(code_frame(SOURCE, Location("a", 99, 1, 99, 2))) == []


def test_an_empty_range_is_still_marked():
    assert list(code_frame("abc\n", Location("a", 1, 2, 1, 2)))[1] == ("", "^", " ^")


def test_nothing_found_is_said_with_what_was_judged():
    report = Report((revision(), revision(revision="b", statements=2)), (), postgresql=18)
    assert render_text(report) == "2 revisions, 3 statements judged for PostgreSQL 18: nothing found.\n"


def test_files_are_called_files():
    report = Report((revision(revision=None, file="a.sql"),), ())
    assert render_text(report) == "1 file, 1 statement judged for PostgreSQL 16: nothing found.\n"


def test_sentences_are_wrapped_and_code_is_not():
    long_code = 'op.execute("' + "x" * 120 + '")'
    one = finding(Location("a.py", 1, 1, 1, 7), message="Word " * 30, remedy=f"Do this:\n\n{long_code}")
    text = render_text(Report((revision(),), (one,), {"a.py": SOURCE}))
    assert f"    {long_code}\n" in text
    assert max(len(line) for line in text.splitlines() if "Word" in line) <= 100


def test_levels_and_allowed_findings_are_counted():
    place = Location("a.py", 1, 1, 1, 7)
    found = tuple(finding(place, level=level) for level in (Level.ERROR, Level.ERROR, Level.WARN, Level.INFO))
    summary = render_text(Report((revision(),), found, suppressed=2)).splitlines()[-1]
    assert summary == (
        "1 revision, 1 statement judged for PostgreSQL 16: 2 errors, 1 warning, 1 remark, 2 allowed by comments."
    )


def test_what_could_not_be_read_is_named_and_is_no_clean_bill():
    report = Report(
        (
            revision(capture=CaptureMode.UNREADABLE, reason="it stops", statements=0),
            revision(revision="b", file="b.py", unparsed=2, statements=3),
            revision(revision="c", file="c.py", capture=CaptureMode.PARTIAL, reason="it asks for rows"),
        ),
        (),
    )
    assert render_text(report) == (
        "a.py: unreadable: it stops\n"
        "b.py: read in part: 2 statements could not be parsed\n"
        "c.py: read in part: it asks for rows\n"
        "3 revisions, 4 statements judged for PostgreSQL 16: nothing found.\n"
        "Something could not be read, so this is no clean bill (exit code 3).\n"
    )


def test_paint_gets_each_part_with_its_style():
    seen = []

    def paint(style: str, text: str) -> str:
        seen.append(style)
        return text

    one = finding(Location("a.py", 1, 1, 1, 7), remedy="op.execute('x')")
    plain = render_text(Report((revision(),), (one,), {"a.py": SOURCE}))
    assert render_text(Report((revision(),), (one,), {"a.py": SOURCE}), Look(paint)) == plain
    assert set(seen) == {"error", "strong", "frame", "code"}


CODE = '    op.drop_column("events", "kind")  # nobody reads it any more, says everybody\n'


def a_drop() -> Report:
    message = "The values of events.kind are lost, and nothing that comes later brings them back."
    one = finding(
        Location("a.py", 1, 5, 1, 37),
        rule="drop-column",
        message=message,
        remedy="Keep the column for one more release, and then drop it.\n\nop.drop_x()",
    )
    return Report((revision(),), (one,), {"a.py": CODE}, postgresql=18)


def test_on_a_narrow_screen_sentences_are_wrapped_and_code_is_cut_off():
    assert render_text(a_drop(), Look(width=44, screen=44)) == (
        "error[drop-column] a.py:1:5 (revision a)\n"
        '  1 │     op.drop_column("events", "kind") …\n'
        "    │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "\n"
        "  The values of events.kind are lost, and\n"
        "  nothing that comes later brings them back.\n"
        "\n"
        "  Instead:\n"
        "    Keep the column for one more release,\n"
        "    and then drop it.\n"
        "\n"
        "    op.drop_x()\n"
        "\n"
        "1 revision, 1 statement judged for PostgreSQL 18: 1 error.\n"
    )


def test_a_look_paints_and_links_what_it_is_asked_to():
    look = Look(lambda style, text: f"<{style}>{text}</>", lambda file, text: f"[{text}]({file})")
    assert render_text(a_drop(), look).splitlines()[:3] == [
        "<error>error</>[<strong>drop-column</>] [a.py:1:5](a.py) (revision a)",
        '<frame>  1 │</>     op.drop_column("events", "kind")  # nobody reads it any more, says everybody',
        "<frame>    │</> <error>    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^</>",
    ]
