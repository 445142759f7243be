"""What a caller gives, as arrays: each value is as it should be, or one line names it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Set
from hashlib import blake2b
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError
from ethogram.stimuli.tables.names import check_name, is_tie

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_LARGEST = 1e9
WEIGHTS = "a number above 0 (from 1e-9 to 1e9)"

_NUMBERS = (int, float, np.integer, np.floating)


def trait_names(traits: Iterable[Any]) -> tuple[str, ...]:
    """Return traits as a tuple: texts, each once.

    Raises
    ------
    InputError
    """
    given = tuple(_plain([traits] if isinstance(traits, str) else traits, "traits"))
    names = []
    for i, name in enumerate(given):
        spelt = check_name(str(name), place=f"traits, entry {i}", what="trait")
        if not isinstance(name, str) or not spelt:
            raise InputError(f"trait {i} is {name!r}, expected a text")
        if is_tie(spelt):
            raise InputError(f"trait {i} is {name!r}, the word for no winner: rename the trait")
        names.append(spelt)
    if len(set(names)) != len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise InputError(f"the trait {twice!r} is given twice, expected each once")
    return tuple(names)


def check_labels(**labels: Any) -> None:
    """Refuse a model's, judge's or condition's name that is not text that can be shown.

    Raises
    ------
    InputError
    """
    for what, name in labels.items():
        if not isinstance(name, str):
            raise InputError(f"{what} is {name!r}, expected a text")
        check_name(name, place="labels", what=what)


def indices(values: Any, name: str, size: int) -> IntArray:
    """Return indices from 0 to size - 1; whole numbers, and no booleans."""
    return _whole(values, name, f"an index from 0 to {size - 1}", lambda x: (x >= 0) & (x < size))


def signs(values: Any, name: str) -> IntArray:
    """Return +1, -1 and 0; a boolean would be ambiguous."""
    expected = "1 (the judge saw `first` first), -1 (second) or 0 (unknown)"
    return _whole(values, name, expected, lambda x: np.isin(x, (-1, 0, 1)))


def labels(values: Any, name: str) -> IntArray:
    """Return labels (whole numbers or texts) as whole numbers; unknown: below 0, None, ""."""
    if _is_array(values, "iu") and values.dtype != np.uint64:
        return values.astype(np.int64)
    plain = _plain(values, name)
    if any(isinstance(value, str) for value in plain):
        for i, value in enumerate(plain):
            if value is not None and not isinstance(value, str):
                raise InputError(f"row {i}: {name} is {value!r}, expected a text, as in other rows")
        codes = [-1 if v is None or not v.strip() else text_label(v) for v in plain]
        return np.array(codes, dtype=np.int64)
    filled = [-1 if value is None else value for value in plain]
    return _whole(filled, name, "a whole number or a text; -1 or None where unknown")


def text_label(text: str) -> int:
    """Return a label (whole number from 0) of a text, the same wherever it is met."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def flags(values: Any, name: str) -> BoolArray:
    """Return booleans, from booleans or 0 and 1."""
    if _is_array(values, "b"):
        return values.astype(bool)
    plain = _plain(values, name)
    for i, value in enumerate(plain):
        if not isinstance(value, bool | np.bool_) and not (
            isinstance(value, _NUMBERS) and value in (0, 1)
        ):
            raise InputError(f"row {i}: {name} is {value!r}, expected True or False")
    return np.array([bool(value) for value in plain], dtype=bool)


def shares(values: Any, name: str) -> FloatArray:
    """Return numbers from 0 to 1."""
    return _numbers(values, name, "a number from 0 to 1", lambda x: (x >= 0) & (x <= 1))


def sizes(values: Any, name: str) -> FloatArray:
    """Return numbers from 0; NaN and None where unknown."""
    return _numbers(
        values, name, "a number from 0; NaN where unknown", lambda x: ~(x < 0) & ~np.isinf(x)
    )


def counts(values: Any, name: str) -> FloatArray:
    """Return finite numbers from 0."""
    return _numbers(values, name, "a count from 0", lambda x: np.isfinite(x) & (x >= 0))


def weights(values: Any, name: str) -> FloatArray:
    """Return weights: how many comparisons each counts as."""
    return _numbers(values, name, WEIGHTS, are_weights)


def are_weights(values: FloatArray) -> BoolArray:
    """Whether each is a weight: a sum of such, and of their squares, stays a number."""
    return (values >= 1 / _LARGEST) & (values <= _LARGEST)


def check_number(
    value: Any,
    name: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    whole: bool = False,
) -> None:
    """Refuse what is not a finite number, at least `least` and more than `above`.

    Raises
    ------
    InputError
    """
    kinds = (int, np.integer) if whole else _NUMBERS
    fits = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or value < least or value <= above:
        bound = f" above {above:g}" if above > -math.inf else ""
        bound = f" from {least:g}" if least > -math.inf else bound
        raise InputError(
            f"{name} is {value!r}, expected a {'whole' if whole else 'finite'} number{bound}"
        )


def _is_array(values: Any, kinds: str) -> TypeGuard[NDArray[Any]]:
    """Whether these are an array of numpy already, of one of these kinds."""
    return (
        isinstance(values, np.ndarray)
        and not isinstance(values, np.ma.MaskedArray)
        and values.ndim == 1
        and values.dtype.kind in kinds
    )


def _plain(values: Any, name: str) -> list[Any]:
    """Return items as they were given, not as numpy would make them; what is masked is None.

    Raises
    ------
    InputError
        No sequence, or one without an order.
    """
    if isinstance(values, Set):
        raise InputError(f"{name} is a {type(values).__name__}, which has no order: give a list")
    if isinstance(values, Mapping):
        raise InputError(f"{name} is a {type(values).__name__}, expected a list of its values")
    plain = values.tolist() if isinstance(values, np.ndarray) else values
    if isinstance(plain, str) or not isinstance(plain, Iterable):
        raise InputError(f"{name} is {values!r}, expected a list or an array")
    return list(plain)


def in_order(values: Any, name: str) -> Any:
    """Return an array of numpy as it is, all else as a list that can be gone through twice."""
    return values if _is_array(values, "iufb") else _plain(values, name)


def _whole(
    values: Any,
    name: str,
    expected: str,
    fits: Callable[[IntArray], BoolArray] = lambda x: np.ones(len(x), dtype=bool),
) -> IntArray:
    if _is_array(values, "iu") and values.dtype != np.uint64:  # which may not fit
        array = values.astype(np.int64)
    else:
        plain = _plain(values, name)
        for i, value in enumerate(plain):
            number = isinstance(value, _NUMBERS) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or not _fits(value):
                raise InputError(f"row {i}: {name} is {value!r}, expected {expected}")
        array = np.array([int(value) for value in plain], dtype=np.int64)
    bad = np.flatnonzero(~fits(array))
    if bad.size:
        raise InputError(f"row {bad[0]}: {name} is {array[bad[0]]}, expected {expected}")
    return array


def _fits(value: float) -> bool:
    """Whether this is a whole number of 64 bits."""
    return value == int(value) and -(2**63) <= int(value) < 2**63


def _numbers(
    values: Any, name: str, expected: str, fits: Callable[[FloatArray], BoolArray]
) -> FloatArray:
    if _is_array(values, "iufb"):
        array = values.astype(np.float64)
    else:
        plain = _plain(values, name)
        for i, value in enumerate(plain):
            if value is not None and not isinstance(value, (*_NUMBERS, bool, np.bool_)):
                raise InputError(f"row {i}: {name} is {value!r}, expected {expected}")
        array = np.array([np.nan if v is None else v for v in plain], dtype=np.float64)
    bad = np.flatnonzero(~fits(array))
    if bad.size:
        raise InputError(f"row {bad[0]}: {name} is {array[bad[0]]}, expected {expected}")
    return array
