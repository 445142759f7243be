"""One thread for linear algebra, in a notebook as on the command line.

The matrices here have some hundred rows. On them the threads of a BLAS library mostly wait for one
another: on a busy machine with two cores they made an analysis ten times as long (3 to 30 CPU
seconds). The limit ends with the call, so that the caller's own work keeps its threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Keep BLAS to one thread while a function runs."""

    @wraps(function)
    def limited(*args: P.args, **options: P.kwargs) -> R:
        # The libraries are looked up at each call: some are loaded only after this module.
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **options)

    return limited
