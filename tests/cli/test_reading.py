"""What the verbs that read logs share."""

from __future__ import annotations

from argparse import Namespace

import pytest

from polyest.cli.reading import layout_and_extraction
from polyest.rollouts import extraction


def test_a_text_in_which_a_rule_takes_too_long_is_told_at_once_without_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extraction, "TIME_LIMIT", 0.01)
    notes: list[str] = []
    _, extract = layout_and_extraction(Namespace(format=None, extract="regex:(a+)+$", jobs=None), notes.append)
    assert extract is not None
    assert extract(["a" * 50 + "b"]) == [None]
    (note,) = notes
    assert note.startswith("`--extract` took longer than 0.01 s for 'aaaa")
    assert note.endswith(", which counts as without an answer; choose a faster rule")
