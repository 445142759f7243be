"""Library calls keep BLAS to one thread by themselves, and give the threads back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest

LOOK = """
    import json
    import numpy as np
    import scipy.linalg
    from threadpoolctl import threadpool_info

    from ethogram.analysis import analyse as analysis
    from ethogram.ratings import results, shift
    from ethogram.validity import measure

    def count():
        return [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]

    class Looked(Exception):
        pass

    def look(*args, **options):
        seen.append(count())
        raise Looked

    seen = [count()]
    for module, inner, call in (
        (results, "rating_method", lambda: results.rate_all([])),
        (measure, "results_of", lambda: measure.measure_validity(None)),
        (measure, "results_of", lambda: measure.rate_corrected(None)),
        (analysis, "form_cohort", lambda: analysis.analyse([])),
    ):
        setattr(module, inner, look)
        try:
            call()
        except Looked:
            pass
    seen.append(count())
    print(json.dumps(seen))
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor has one thread in any case")
def test_library_calls_keep_blas_to_one_thread():
    """In a process that set no limit there are several threads before and after, one within."""
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    ended = subprocess.run(
        [sys.executable, "-c", dedent(LOOK)], capture_output=True, text=True, env=free, check=False
    )
    assert ended.returncode == 0, ended.stderr
    before, *within, after = json.loads(ended.stdout)
    assert before
    assert min(before) > 1
    assert after == before
    assert len(within) == 4
    assert all(set(counts) == {1} for counts in within)
