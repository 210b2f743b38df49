"""Items that a thread makes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from polyest.rollouts.engine.ahead import ahead


def test_items_come_in_order_and_an_error_ends_them() -> None:
    def numbers() -> Iterator[int | None]:
        yield from (0, None, 2)
        raise OSError("no room")

    found: list[int | None] = []
    with pytest.raises(OSError, match="no room"):
        found.extend(ahead(numbers()))
    assert found == [0, None, 2]


def test_one_item_is_made_before_it_is_asked_for_and_no_other() -> None:
    made, is_made = [], threading.Semaphore(0)

    def numbers() -> Iterator[int]:
        for i in range(5):
            made.append(i)
            is_made.release()
            yield i

    before = threading.active_count()
    items = ahead(numbers())
    assert next(items) == 0
    for _ in range(2):
        assert is_made.acquire(timeout=60)
    items.close()
    assert made == [0, 1]
    assert threading.active_count() == before
