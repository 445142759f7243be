"""`make fuzz`: seek inputs that break a reader, guided by coverage, for a bounded time.

::

    python -m fuzz.seek                 # every target, 20 seconds each
    python -m fuzz.seek study 600       # one target, ten minutes

What it finds stands in `fuzz/found/`; put it into tests/project/test_fuzz.py as an `@example`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

FOUND = Path(__file__).parent / "found"
SECONDS = 20


def targets(folder: Path) -> dict[str, Callable[[bytes], object]]:
    """Return what is fuzzed, by name; each takes bytes."""
    from fuzz import inputs

    def text(data: bytes) -> str:
        return data.decode("utf-8", "replace")

    def parts(data: bytes) -> tuple[str, str]:
        one, _, other = text(data).partition("\0")
        return one, other

    return {
        "response": inputs.response,
        "verdict": lambda data: inputs.verdict(text(data), "warm", "blunt", ties=True),
        "question": lambda data: inputs.question(*parts(data)),
        "study": lambda data: inputs.study(text(data)),
        "traits": lambda data: inputs.trait_file(folder / "any.csv", data),
        "prompts": lambda data: inputs.prompt_file(folder / "any.jsonl", data),
        "comparisons": lambda data: inputs.comparison_file(folder / "any.csv", data),
    }


SEEDS = {
    "response": b'{"choices":[{"message":{"content":"A."},"finish_reason":"stop"}],"usage":{}}',
    "verdict": b"It is short. <answer>warm</answer>",
    "question": b"A prompt\0A reply <answer>warm</answer>",
    "traits": b"trait,description\nwarm,kind\nblunt,short\n",
    "prompts": b'{"prompt": "Hello", "id": "a", "language": "en"}\n{"prompt": "Bye"}\n',
    "comparisons": b"model,trait_1,trait_2,winner,judge_first\na,x,y,x,y\na,x,y,tie,x\n",
}


def seek(name: str, seconds: int) -> None:
    """Fuzz one target in this process; ends it with libFuzzer's exit code."""
    import atheris

    with tempfile.TemporaryDirectory() as folder:
        with atheris.instrument_imports(include=["ethogram"]):
            call = targets(Path(folder))[name]
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        from fuzz.inputs import GOOD_STUDY

        (corpus / "seed").write_bytes(SEEDS.get(name, GOOD_STUDY.encode()))
        FOUND.mkdir(exist_ok=True)
        options = [
            f"-max_total_time={seconds}",
            "-timeout=10",  # a hang is a find, too
            f"-artifact_prefix={FOUND}/{name}-",
            "-verbosity=0",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: void(call, data))
        atheris.Fuzz()


def void(call: Callable[[bytes], object], data: bytes) -> None:
    """Call a target; whatever it raises is a find."""
    call(data)


def main() -> None:
    """Fuzz one target, or each in a process of its own; exits with 1 if anything was found."""
    if len(sys.argv) > 1:
        seek(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)
        return
    failed = []
    for name in targets(Path()):
        print(f"-- {name}: {SECONDS} s", flush=True)
        command = [sys.executable, "-m", "fuzz.seek", name, str(SECONDS)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    print("found nothing" if not failed else f"found: {', '.join(failed)}; see {FOUND}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
