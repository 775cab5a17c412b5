"""Every form in the data files is predicted as real servers were seen to treat it, but for the gaps they name."""

from __future__ import annotations

import pytest
from laboratory import DATA
from prediction import prediction
from rows import Form, Outcome, read_forms

FORMS: dict[tuple[str, str, int], list[Form]] = {}
for path in sorted(DATA.glob("*.jsonl")):
    for form in read_forms(path):
        FORMS.setdefault((path.stem, form.category, form.version), []).append(form)


@pytest.mark.parametrize(
    ("file", "category", "version"), sorted(FORMS), ids=[f"{f}-{c}-pg{v}" for f, c, v in sorted(FORMS)]
)
def test_predictions_agree_with_the_server(file: str, category: str, version: int) -> None:
    wrong = []
    for form in FORMS[file, category, version]:
        predicted = prediction(form)
        if not form.gap and not predicted.agrees_with(form):
            wrong.append(
                f"{form.setup + ' -- ' if form.setup else ''}{form.sql}\n"
                f"    server:    {form.outcome}\n    predicted: {Outcome.of(predicted.effects)}"
            )
    assert not wrong, f"{len(wrong)} of {len(FORMS[file, category, version])} forms:\n" + "\n".join(wrong)
