"""The saved form of a `TrainingHistory`: numpy arrays, checked when they are read."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.history.store import Past, pasts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.history.store import VisitStore

    Column = NDArray[np.int64] | NDArray[np.float64]

__all__ = ["Snapshot", "packed", "read_snapshot", "unpacked", "write_snapshot"]

FORMAT_VERSION = 1
SETTINGS = ("visits", "forgetting", "seed")
COLUMNS = {"keys": np.int64, "turns": np.int64, "sizes": np.int64, "codes": np.int64, "weights": np.float64}

Snapshot = dict[str, object]


def write_snapshot(store: VisitStore, before_last: bool = False) -> Snapshot:
    """Prompts from least to most recently visited, their completions one after another; or as before the last batch.

    Returns:
        ``format_version``, the store's settings, and arrays: ``keys`` and ``turns``, shape (P,); ``sizes`` of the
        visits, oldest first, shape (P, T−1); ``codes`` of their completions, shape (M,); their ``weights``, shape (M,)
        or (0,).
    """
    prompts = store.before_last() if before_last else store.prompts
    past = prompts.values()
    settings = {name: getattr(store, name) for name in SETTINGS}
    columns: dict[str, object] = {
        "keys": np.array([*prompts], np.int64),
        "turns": np.array([entry.turn for entry in past], np.int64),
        "sizes": np.frombuffer(b"".join(entry.sizes for entry in past), np.int64).reshape(len(past), store.visits - 1),
        "codes": np.frombuffer(b"".join(entry.codes for entry in past), np.int64),
        "weights": np.frombuffer(b"".join(entry.weights for entry in past), np.float64),
    }
    return {"format_version": FORMAT_VERSION} | settings | columns


def packed(snapshot: Mapping[str, object]) -> Snapshot:
    """The snapshot as JSON holds it, arrays in base64 of their little-endian bytes."""
    columns = {name: np.asarray(snapshot[name]) for name in COLUMNS}
    return dict(snapshot) | {
        name: b64encode(column.astype(column.dtype.newbyteorder("<")).tobytes()).decode("ascii")
        for name, column in columns.items()
    }


def unpacked(state: Mapping[str, object]) -> Snapshot:
    """What `packed` wrote, as `read_snapshot` takes it.

    Raises:
        ArgumentError: it is something else.
    """
    try:
        columns = {name: _unpacked(state[name], np.dtype(kind)) for name, kind in COLUMNS.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError(f"`state` must be what a checkpoint has, got {error!r}; save it again") from None
    prompts = len(columns["keys"])
    columns["sizes"] = columns["sizes"].reshape(prompts, -1) if prompts else columns["sizes"].reshape(0, 0)
    return dict(state) | columns


def _unpacked(text: object, kind: np.dtype[np.generic]) -> Column:
    column: Column = np.frombuffer(b64decode(str(text), validate=True), kind.newbyteorder("<")).astype(kind)
    return column


def read_snapshot(store: VisitStore, state: Mapping[str, object]) -> dict[int, Past]:
    """The prompts that `write_snapshot` wrote.

    Raises:
        ArgumentError: names the part that is wrong.
    """
    wanted = {"format_version", *SETTINGS, *COLUMNS}
    _expect(isinstance(state, Mapping) and set(state) == wanted, "be what state_dict returned", state)
    _expect(state["format_version"] == FORMAT_VERSION, f"have format_version {FORMAT_VERSION}", state["format_version"])
    for name in SETTINGS:
        own = getattr(store, name)
        _expect(state[name] == own, f"be of a history with {name}={own}; what is forgotten depends on it", state[name])
    keys, turns, sizes, codes, weights = (_column(name, state[name]) for name in COLUMNS)
    _expect(turns.shape == keys.shape == (len(keys),) and (turns > 0).all(), "have a turn ≥ 1 for each key", turns)
    _expect(len({*keys.tolist()}) == len(keys), "have different keys", keys)
    is_table = sizes.shape == (len(keys), store.visits - 1) or not len(keys)
    _expect(is_table and (sizes >= 0).all(), f"have {store.visits - 1} sizes ≥ 0 for each key", sizes)
    _expect(codes.shape == (int(sizes.sum()),), "have as many codes as sizes say", codes)
    _expect(weights.shape in ((0,), codes.shape), "have a weight for each code or none", weights)
    ends = (8 * np.cumsum(sizes.sum(axis=1))).tolist() if len(keys) else []
    kept = pasts(codes.tobytes(), weights.tobytes(), sizes.tobytes(), ends, turns.tolist())
    return dict(zip(keys.tolist(), kept, strict=True))


def _column(name: str, value: object) -> Column:
    column = np.asarray(value)
    _expect(column.dtype == COLUMNS[name], f"have {name} of {np.dtype(COLUMNS[name])}", value)
    return np.ascontiguousarray(column)


def _expect(holds: object, requirement: str, came: object) -> None:
    if not holds:
        raise ArgumentError(f"`state` must {requirement}, got {shortened(came)}; save it again with state_dict")
