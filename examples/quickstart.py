"""The quick start in Python: try the judge, run the study, read the profile.

::

    python examples/quickstart.py

Needs `ethogram models fetch qwen2.5-coder-1.5b` once. Run it again to resume where it stopped.
"""

from __future__ import annotations

from pathlib import Path

import ethogram


def main() -> None:
    """Print what the judge sees, then the profile, with the traits that it can say little about."""
    study = ethogram.load_study(Path(__file__).with_name("quickstart.toml"))

    # Can the judge be believed? Written replies whose trait is known; no model is asked.
    for sight in ethogram.try_judges(study):
        print(f"{sight.accuracy.judge}: {sight.sentence}")
        if not sight.accuracy.above_chance:
            raise SystemExit("Another judge is needed: this one's verdicts carry no information.")

    # Can the model act? Its replies when it is told to show one trait.
    validity = ethogram.check_study(study, only=["plants"])
    for judge in validity.judges:
        for acting in judge.acting.values():
            print(acting.sentence)

    # What does it prefer?
    run = ethogram.run_study(study)
    run.raise_if_stopped()
    for profile in ethogram.read_profiles(run.store):
        print(profile.frame().select("trait", "rating", "low", "high", "mark"))
    print(ethogram.write_report(run.store))


if __name__ == "__main__":
    main()
