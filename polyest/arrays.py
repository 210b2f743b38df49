"""What a caller passes as an array, of any library: read, or refused in one line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from polyest.errors import ArgumentError, shortened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    AnyArray: TypeAlias = NDArray[np.generic]
    Floats: TypeAlias = NDArray[np.floating]
    Items: TypeAlias = list[object]

__all__ = [
    "check_items",
    "check_unmasked",
    "common_type",
    "is_masked",
    "read_array",
    "read_ids",
    "read_lists",
    "read_mask",
    "read_nested",
    "read_numbers",
    "read_output",
]

KINDS = frozenset("iubOUST")  # of integers, booleans, strings and objects
NESTS = frozenset({list, tuple})
DEEPEST = 32  # dimensions of an array of numpy 1
UNMASKED = {
    "answers": "pass np.where(answers.mask, None, answers.data) for no answer, or .data and usable=~answers.mask for "
    "no completion",
    "out": "leave it out for a new one",
    "rewards": "pass .data and usable=~rewards.mask",
}
NONE_IN_PLACE = (
    "pass lists with None in their place: column.astype(object).where(column.notna(), None).tolist() (pandas), "
    ".to_list() (polars), .to_pylist() (arrow)"
)
FOREIGN = {  # what is missing elsewhere, and neither None nor different from itself
    "pandas.NAType": ("pandas' NA", "column.astype(object).where(column.notna(), None)"),
    "sympy.NaN": ("sympy's nan", "None in its place"),
}


def read_array(values: object, argument: str) -> AnyArray:
    """`values` as a plain numpy array, if it is an array of any library."""
    check_unmasked(values, argument)
    if isinstance(values, np.ndarray):
        return np.asarray(values)  # of its subclasses, a matrix has two dimensions whatever is taken from it
    if not hasattr(values, "__array__") or isinstance(values, np.generic):
        raise ArgumentError(f"`{argument}` must be an array or a (nested) list, got {type(values).__name__}")
    try:
        return read_lists(values)
    except TypeError as error:
        raise ArgumentError(
            f"`{argument}` must be readable by numpy, got {type(values).__name__}: {error}; move it to the CPU, use "
            "the adapter of its framework, or pass lists"
        ) from None


def read_ids(values: object, argument: str) -> AnyArray:
    """An array of integers, booleans, strings or objects, likewise."""
    array = read_array(values, argument)
    if array.dtype.kind not in KINDS:
        raise ArgumentError(f"`{argument}` must be integers, strings or hashable objects; got {_came(values, array)}")
    return array


def read_nested(values: Items, argument: str, instead: str) -> tuple[list[Items], tuple[int, ...]]:
    """The innermost of nested lists in order, and the shape of all; lists and arrays nest, tuples are items.

    `instead` says what to pass where lengths differ.
    """
    if _is_too_deep(values, (list, np.ndarray)):
        raise ArgumentError(
            f"`{argument}` must be nested at most {DEEPEST} deep, got {shortened(values)}; flatten them"
        )
    rows: list[Items] = [values]
    shape: tuple[int, ...] = (len(values),)
    while rows[0] and isinstance(rows[0][0], list | np.ndarray):
        level = values if rows[0] is values else [*chain.from_iterable(rows)]
        rows = cast("list[Items]", level) if common_type(level) is list else _rows(level, argument)
        if len(lengths := {*map(len, rows)}) > 1:
            raise ArgumentError(
                f"`{argument}` must be lists of equal lengths, got lengths "
                f"{', '.join(map(str, sorted(lengths)))}; for groups of mixed sizes {instead}"
            )
        shape += (lengths.pop(),)
    return rows, shape


def read_lists(values: object) -> AnyArray:
    """Lists or an array, as numpy reads them.

    Raises:
        TypeError: in one line, whatever that raises; or something is masked.
    """
    if _is_too_deep(values, (list, tuple)):
        raise TypeError(f"lists nested more than {DEEPEST} deep")
    try:
        array = np.asarray(values)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  (every library has its own)
        raise TypeError(" ".join(str(error).split())) from None
    if is_masked(values, array.ndim):
        raise TypeError("a masked array")
    return array


def check_unmasked(values: object, argument: str, depth: int = 0) -> None:
    """Refuse what is masked, which numpy would read as if it were not, also in lists nested to some depth."""
    if is_masked(values, depth):
        remedy = UNMASKED.get(argument, "drop what is masked, or pass .filled(…)")
        raise ArgumentError(f"`{argument}` must not be a masked array; {remedy}")


def common_type(items: Iterable[object]) -> type | None:
    """The type that all items have, no subclass of it; None if there is none."""
    runs = groupby(items, type)
    kind = next(runs, (None,))[0]
    return kind if next(runs, None) is None else None


def check_items(items: Collection[object], argument: str) -> set[type]:
    """The types of answers, which are compared by value, and of which None and NaN alone are none."""
    kinds = set(map(type, items))
    for kind in kinds:
        library = str(kind.__module__).partition(".")[0]
        came, remedy = FOREIGN.get(f"{library}.{kind.__name__}", ("", ""))
        if library == "pyarrow" and any(type(item) is kind and _is_null(item) for item in items):
            came, remedy = "a null of pyarrow", "column.to_pylist()"
        if came:
            thing = "answer" if argument == "answers" else "value"
            raise ArgumentError(f"`{argument}` must have None where there is no {thing}, got {came}; pass {remedy}")
        if hasattr(kind, "__array__") and not issubclass(kind, np.generic):
            raise ArgumentError(
                f"`{argument}` must hold plain hashable answers, got {kind.__module__}.{kind.__name__} objects, which "
                "are not compared by value; pass one array, or call .tolist() first"
            )
    return kinds


def read_numbers(values: ArrayLike, argument: str, required: str, remedy: str) -> NDArray[np.float64]:
    """A contiguous float64 array of real numbers: `values` themselves if they are one."""
    try:
        given = read_lists(values)
        if given.dtype.kind in "cUSTMm" or given.dtype.type is np.void:
            raise TypeError(f"{given.dtype} numbers")
        if given.dtype.kind == "O" and any(isinstance(item, str | bytes) for item in given.flat):
            raise TypeError("strings")
        return np.require(given, np.float64, ["C", "A", "W"])
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"`{argument}` must be {required}; got {error}; pass real numbers, {remedy}") from None


def read_mask(usable: ArrayLike, shape: tuple[int, ...], of: str = "answers") -> NDArray[np.bool_]:
    """Which completions count, in the shape of the answers, or of what else is scored."""
    try:
        mask: AnyArray = read_lists(usable)
        came = f"{mask.dtype} of shape {mask.shape}"
    except TypeError as error:
        mask, came = np.zeros(0), str(error)
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise ArgumentError(
            f"`usable` must be booleans of the {of}' shape {shape}, got {came}; say True for every completion that "
            "counts"
        )
    return cast("NDArray[np.bool_]", mask)


def read_output(out: Floats | None, dtype: DTypeLike | None, shape: tuple[int, ...]) -> Floats:
    """The array to write to: `out`, or a new one of `dtype` (float64 unless asked)."""
    wanted = None if dtype is None else _dtype(dtype)
    if out is None:
        return np.empty(shape, np.float64 if wanted is None else wanted)
    check_unmasked(out, "out")
    if not isinstance(out, np.ndarray) or out.shape != shape or not out.flags.writeable:
        came = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        came = "a read-only one" if came == f"shape {shape}" else came
        raise ArgumentError(
            f"`out` must be a writeable array of the answers' shape {shape}, got {came}; leave it out for a new one"
        )
    if _dtype(out.dtype, "out") != (wanted or out.dtype):
        raise ArgumentError(f"`dtype` must be that of `out`, {out.dtype}; got {wanted}; leave `dtype` out")
    return np.asarray(out)  # a matrix keeps two dimensions whatever is taken from it


def _dtype(dtype: DTypeLike | None, argument: str = "dtype") -> np.dtype[np.generic]:
    try:
        kind: np.dtype[np.generic] = np.dtype(dtype)
    except (TypeError, ValueError):
        kind = np.dtype(object)
    if kind not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ArgumentError(f"`{argument}` must be float64 or float32, got {dtype}; convert the result instead")
    return kind


def is_masked(values: object, depth: int = 1) -> bool:
    """Whether they are one of np.ma, or lists in which there is one, `depth` deep, without loading that."""
    if not isinstance(values, list | tuple):
        return _is_masked(type(values))
    level: Sequence[object] = values
    kinds = seen = {*map(type, level)}
    while depth > 1 and not kinds.isdisjoint(NESTS):
        level = [*chain.from_iterable(cast("Items", row) for row in level if type(row) in NESTS)]
        kinds, depth = {*map(type, level)}, depth - 1
        seen = seen | kinds
    return any(map(_is_masked, seen))


def _is_masked(kind: type) -> bool:
    return hasattr(kind, "mask") and hasattr(kind, "filled")


def _came(values: object, array: AnyArray) -> str:
    """What came, and what to do; numpy reads columns of integers with missing values as floats."""
    column = str(getattr(values, "dtype", getattr(values, "type", "")))
    if array.dtype.kind == "f" and "int" in column.lower():
        return f"a column of {column} with missing values; {NONE_IN_PLACE}"
    if array.dtype.kind == "f" and np.isnan(array).any():
        return f"an array of {array.dtype} with missing values; {NONE_IN_PLACE}; and map floats to integers or strings"
    return f"an array of {array.dtype}; map every answer to an integer or a string first"


def _rows(level: Items, argument: str) -> list[Items]:
    """Lists, and arrays among them, as lists."""
    special = {kind for kind in {*map(type, level)} - {np.ndarray} if issubclass(kind, np.ndarray)}
    rows = [read_array(row, argument) if type(row) in special else row for row in level] if special else level
    kinds = {row.dtype.kind for row in rows if isinstance(row, np.ndarray)}
    if not kinds <= KINDS:
        raise ArgumentError(
            f"`{argument}` must be lists of integer, string or object arrays; got kinds {', '.join(sorted(kinds))}; "
            "map every answer to an integer or a string first"
        )
    for row in rows:
        if not isinstance(row, list) and not (isinstance(row, np.ndarray) and row.ndim):
            came = "an array without dimensions" if isinstance(row, np.ndarray) else type(row).__name__
            raise ArgumentError(
                f"`{argument}` must be lists of lists or of arrays, all alike, got none (no list) among them: {came}; "
                "make each group a list, and each number in an array of its own a number by .item()"
            )
    return [row.tolist() if isinstance(row, np.ndarray) else cast("Items", row) for row in rows]


def _is_too_deep(values: Any, kinds: tuple[type[Any], ...]) -> bool:
    """Whether these kinds of sequences are nested deeper than any array, such as a list in itself."""
    for _ in range(DEEPEST + 1):
        if not isinstance(values, kinds) or not getattr(values, "ndim", 1) or not len(values):
            return False
        values = (np.asarray(values) if isinstance(values, np.ndarray) else values)[0]
    return True


def _is_null(item: Any) -> bool:
    """Whether a scalar of pyarrow is null or NaN."""
    value = item.as_py()
    return value is None or bool(value != value)
