"""The store: one SQLite file, the only hand-over between stages.

All SQL is here, in `ethogram.store.writer`, `ethogram.store.file` and `ethogram.store.read`.

Plans (`trial`, `judging`) and readings (`reply`, `verdict`) are rows; what is pending is a query.
Attempts are only ever added. All writes of a run go through `ethogram.store.writer`. Schema:
migrations/*.sql and docs/store.md.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ethogram.design import Part
from ethogram.engine.batch.book import Batch
from ethogram.engine.requests import (
    ANSWERED,
    ENDPOINT,
    PASSING,
    USABLE,
    Earlier,
    Messages,
    Reading,
    request_id,
)
from ethogram.errors import StoreError
from ethogram.protocols.protocol import Judging, Trial
from ethogram.protocols.transcript import transcript
from ethogram.store.batches import list_batches
from ethogram.store.file import (
    Lock,
    check_kind,
    check_version,
    connect,
    connect_to_read,
    is_older,
    migrate,
)
from ethogram.store.rows import JudgingRow, PlannedJudging, Role, StageName, TrialRow
from ethogram.store.settings import canonical, changed_settings, changed_templates, joined
from ethogram.store.writer import AskedRequests, Writer

CHUNK = 400

_USABLE = ", ".join(f"'{s}'" for s in sorted(USABLE))
_ANSWERED = ", ".join(f"'{s}'" for s in sorted(ANSWERED))
_ENDPOINT = ", ".join(f"'{s}'" for s in sorted(ENDPOINT))
_PASSING = ", ".join(f"'{s}'" for s in sorted(PASSING))


class Store:
    """One study's file. Open it with `Store.open` (to write) or `Store.read`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: Lock | None) -> None:
        self.path = path
        self._db = connection
        self._lock = lock
        self._asked: AskedRequests | None = None
        self._thoughts: dict[int, list[tuple[str, str]]] = {}  # by party

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open for writing, making or migrating it as needed.

        Raises
        ------
        StoreError
            It is another program's file, newer than this program, unreadable, or in use.
        """
        path = Path(path)
        with ExitStack() as undo:
            lock = Lock(path)
            undo.callback(lock.release)
            try:
                db = connect(path)
                undo.callback(db.close)
                migrate(db, path)
            except sqlite3.Error as error:
                raise StoreError(f"{path} cannot be opened as a store: {error}") from error
            undo.pop_all()
        return cls(path, db, lock)

    @classmethod
    def read(cls, path: str | Path) -> Store:
        """Open for reading only; a run may be writing it meanwhile."""
        path = Path(path)
        if not path.exists():
            raise StoreError(f"no store at {path}: `ethogram run STUDY.toml` creates one")
        check_kind(path)
        try:
            db = connect_to_read(path)
            version = check_version(db, path)
            db.execute("SELECT count(*) FROM party").fetchone()
        except sqlite3.Error as error:
            hint = "; this verb takes a store (STEM.db)" if path.suffix == ".toml" else ""
            raise StoreError(f"{path} cannot be read as a store: {error}{hint}") from error
        if is_older(version):
            raise StoreError(
                f"{path} was written by an older version: run `ethogram run` or "
                "`ethogram judge` on it once to update it"
            )
        return cls(path, db, None)

    def close(self) -> None:
        """Close the file and let others write it."""
        self._db.close()
        if self._lock:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- planning ---------------------------------------------------------------------------

    @contextmanager
    def planning(self) -> Iterator[None]:
        """One transaction around all that a study plans."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            _roll_back(self._db)
            raise StoreError(f"{self.path} cannot be written: {error}") from error
        except BaseException:
            _roll_back(self._db)
            raise

    def add_study(self, *, name: str, version: str, file: str, settings: str) -> None:
        """Keep the study file as it was for this run."""
        self._db.execute(
            "INSERT INTO study (name, version, file, settings, started) VALUES (?, ?, ?, ?, ?)",
            (name, version, file, settings, time.time()),
        )

    def studies(self) -> list[dict[str, Any]]:
        """Every run's study file and settings, oldest first."""
        _, rows = self.query("SELECT name, version, file, settings, started FROM study")
        names = ("name", "version", "file", "settings", "started")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def add_traits(self, traits: Iterable[tuple[str, str]]) -> list[int]:
        """Keep traits (name, description); returns their ids, in order."""
        traits = list(traits)
        self._db.executemany(
            "INSERT INTO trait (name, description) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            traits,
        )
        ids = dict(self._db.execute("SELECT name, id FROM trait").fetchall())
        return [ids[name] for name, _ in traits]

    def add_prompts(self, prompts: Iterable[tuple[str, str, str, str]]) -> list[int]:
        """Keep prompts (key, text, language, topic); returns their ids, in order.

        Raises
        ------
        StoreError
            A key stands for another text here.
        """
        prompts = list(prompts)
        self._db.executemany(
            "INSERT INTO prompt (key, text, language, topic) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (key) DO NOTHING",
            prompts,
        )
        known = {k: (i, t) for k, i, t in self._db.execute("SELECT key, id, text FROM prompt")}
        for key, text, _, _ in prompts:
            if known[key][1] != text:
                raise StoreError(
                    f"prompt {key!r} has another text in {self.path}: use another store (--store)"
                )
        return [known[key][0] for key, *_ in prompts]

    def keep_draw(self, name: str, prompts: Sequence[int], told: str) -> None:
        """Keep which prompts were drawn, in order; a draw that is there stays as it is."""
        row = self._db.execute(
            "INSERT INTO draw (name, told) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
            (name, told),
        ).fetchone()
        if row is not None:
            self._db.executemany(
                "INSERT INTO drawn (draw, place, prompt) VALUES (?, ?, ?)",
                [(row[0], place, prompt) for place, prompt in enumerate(prompts)],
            )

    def drawn_prompts(self, name: str) -> tuple[list[tuple[str, str, str, str]], str] | None:
        """Return the prompts (key, text, language, topic) of a draw and what it told, if kept."""
        found = self._db.execute("SELECT id, told FROM draw WHERE name = ?", (name,)).fetchone()
        if found is None:
            return None
        rows = self._db.execute(
            "SELECT key, text, language, topic FROM drawn JOIN prompt ON prompt.id = drawn.prompt "
            "WHERE draw = ? ORDER BY place",
            (found[0],),
        )
        return rows.fetchall(), found[1]

    def add_party(
        self,
        role: Role,
        name: str,
        settings: Mapping[str, Any],
        *,
        defaults: Mapping[str, Any] | None = None,
    ) -> int:
        """Keep a model or judge; returns its id.

        Parameters
        ----------
        role, name
        settings : mapping
            All that defines its answers. Under "templates" are those that it uses by now: others
            may be added later.
        defaults : mapping, optional
            What a setting is where it is absent, as in stores of releases that did not have it.

        Raises
        ------
        StoreError
            It has answers here that were got with other settings.
        """
        row = self._db.execute(
            "SELECT id, settings FROM party WHERE role = ? AND name = ?", (role, name)
        ).fetchone()
        if row is None:
            insert = "INSERT INTO party (role, name, settings) VALUES (?, ?, ?) RETURNING id"
            return int(self._db.execute(insert, (role, name, canonical(settings))).fetchone()[0])
        party, kept = int(row[0]), json.loads(row[1])
        self._thoughts.pop(party, None)
        changes = changed_settings(kept, settings, defaults or {})
        templates = changed_templates(kept, settings)
        used = [said for name, said in templates.items() if self._has_answers(party, told=name)]
        if used or (changes and self._has_answers(party)):
            raise StoreError(
                f"{role} {name!r} has answers in {self.path} obtained with other settings "
                f"({'; '.join([*changes, *used][:3])}): give it another name in the study file, "
                "or use another store (--store)"
            )
        if changes or templates:
            self._forget_losses(party)
        self._db.execute(
            "UPDATE party SET settings = :s WHERE id = :p AND settings != :s",
            {"s": canonical(settings if changes else joined(kept, settings)), "p": party},
        )
        return party

    def reading(self, http: int, body: bytes | str, *, party: int) -> Reading:
        """Read a response of a model or judge again, with the marks of thoughts it was given."""
        if party not in self._thoughts:
            row = self._db.execute("SELECT settings FROM party WHERE id = ?", (party,)).fetchone()
            kept = json.loads(row[0]).get("thoughts", []) if row else []
            self._thoughts[party] = [(opening, closing) for opening, closing in kept]
        from ethogram.engine.reading import read_response  # tables of spellings: not for counting

        return read_response(http, _bytes(body), self._thoughts[party])

    def _forget_losses(self, party: int) -> None:
        """Make pending again what a party lost under settings that are mended now."""
        for table, rows, whose in (("reply", "trial", "model"), ("verdict", "judging", "judge")):
            self._db.execute(
                f"DELETE FROM {table} WHERE status NOT IN ({_USABLE}) AND {rows} IN "
                f"(SELECT id FROM {rows} WHERE {whose} = ?)",
                (party,),
            )

    def has_answers(self, party: int) -> bool:
        """Whether any usable reply or verdict came from this model or judge."""
        return self._has_answers(party)

    def _has_answers(self, party: int, *, told: str | None = None) -> bool:
        """Whether any usable reply or verdict came from this party, told so where that is said.

        A model is told a template by the condition of that name; a judge all of its own.
        """
        query = f"""SELECT
            EXISTS (SELECT 1 FROM reply r JOIN trial ON trial.id = trial
                    WHERE model = :p AND r.status IN ({_USABLE}) AND condition = coalesce(:t,
                    condition)) OR
            EXISTS (SELECT 1 FROM verdict v JOIN judging ON judging.id = judging
                    WHERE judge = :p AND v.status IN ({_USABLE}))"""
        return bool(self._db.execute(query, {"p": party, "t": told}).fetchone()[0])

    def add_context(self, system: str = "", turns: Messages = ()) -> int:
        """Keep a system text and earlier turns of trials; returns the id."""
        said = json.dumps(list(turns), ensure_ascii=False)
        name = request_id(json.dumps([system, said]).encode())
        self._db.execute(
            "INSERT INTO context (hash, system, turns) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (name, system, said),
        )
        row = self._db.execute("SELECT id FROM context WHERE hash = ?", (name,)).fetchone()
        return int(row[0])

    def earlier_turns(self, context: int) -> tuple[dict[str, str], ...]:
        """Return the earlier turns that a context keeps."""
        row = self._db.execute("SELECT turns FROM context WHERE id = ?", (context,)).fetchone()
        return tuple(json.loads(row[0]))

    def add_trials(
        self,
        model: int,
        part: Part,
        condition: str,
        rows: Sequence[TrialRow],
        *,
        protocol: str = StageName.ELICIT,
    ) -> list[int]:
        """Plan trials; returns their ids.

        What was planned here before and is not among them is kept, and no longer wanted.

        Raises
        ------
        StoreError
            Trials planned here before, at the same places, ask something else; or those of
            this part and condition are another protocol's.
        """
        self._refuse_another_protocol(model, part, condition, protocol)
        key = (model, part, condition, protocol)
        where = "model = ? AND part = ? AND condition = ? AND protocol = ?"
        columns = ", ".join(TrialRow._fields)
        self._db.execute(f"UPDATE trial SET wanted = 0 WHERE {where}", key)
        self._db.executemany(
            f"INSERT INTO trial (model, part, condition, protocol, {columns}) "
            f"VALUES ({_marks(key + TrialRow._fields)}) ON CONFLICT DO UPDATE SET wanted = 1",
            [(*key, *row) for row in rows],
        )
        known = {}
        for number, *kept in self._db.execute(
            f"SELECT id, {columns} FROM trial WHERE {where}", key
        ):
            trial = TrialRow(*kept)
            known[trial.seq, trial.sample] = (number, trial)
        for row in rows:
            if known[row.seq, row.sample][1] != row:
                raise StoreError(
                    f"{self.path} holds another design ({part} trial {row.seq} differs: other "
                    "traits, prompts, wordings, seed or orders): use another store (--store)"
                )
        return [known[row.seq, row.sample][0] for row in rows]

    def _refuse_another_protocol(
        self, model: int, part: Part, condition: str, protocol: str
    ) -> None:
        """Refuse trials that could not be told from another protocol's when they are counted."""
        row = self._db.execute(
            "SELECT protocol FROM trial WHERE model = ? AND part = ? AND condition = ? "
            "AND protocol != ? LIMIT 1",
            (model, part, condition, protocol),
        ).fetchone()
        if row is not None:
            raise StoreError(
                f"trials of {row[0]!r} are planned for {part}, {condition} in {self.path}: give "
                f"those of {protocol!r} a part or condition of their own"
            )

    def add_judgings(self, judge: int, part: Part, rows: Iterable[JudgingRow]) -> None:
        """Plan judgings of trials of one model and condition.

        What was planned for these before and is not among them is kept, and no longer wanted.
        """
        rows = list(rows)
        if not rows:
            return
        self._db.execute(
            """UPDATE judging SET wanted = 0 WHERE judge = ? AND part = ? AND trial IN
            (SELECT t.id FROM trial t JOIN trial one ON one.id = ? AND one.model = t.model
             AND one.part = t.part AND one.condition = t.condition)""",
            (judge, part, rows[0].trial),
        )
        self._db.executemany(
            "INSERT INTO judging (judge, part, trial, swapped, sample) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET wanted = 1",
            [(judge, part, row.trial, int(row.swapped), row.sample) for row in rows],
        )
        alone = self._db.execute(
            "SELECT t.id FROM judging j JOIN trial t ON t.id = j.trial WHERE j.judge = ? "
            "AND j.part = ? AND (t.trait_1 IS NULL OR t.trait_2 IS NULL) LIMIT 1",
            (judge, part),
        ).fetchone()
        if alone is not None:
            raise StoreError(f"trial {alone[0]} has no two traits to be judged for")

    def replies_of(self, trials: Sequence[int]) -> set[int]:
        """Return which of these trials have a usable reply."""
        low, high = (min(trials), max(trials)) if trials else (0, 0)
        rows = self._db.execute(
            f"SELECT trial FROM reply WHERE trial BETWEEN ? AND ? AND status IN ({_USABLE})",
            (low, high),
        )
        return {row[0] for row in rows} & set(trials)

    def borrow_replies(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Give trials the replies of others: (trial, the one it borrows from)."""
        self._db.executemany(
            "INSERT INTO reply (trial, attempt, status, reason, chars, named) "
            "SELECT ?, attempt, status, reason, chars, NULL FROM reply WHERE trial = ? "
            "ON CONFLICT DO NOTHING",
            list(pairs),
        )

    def reopen_lost(
        self,
        attempts: int,
        unparsed_attempts: int,
        *,
        parts: Sequence[str],
        asked: Iterable[tuple[str, int]],
        models: Collection[int],
    ) -> int:
        """Make pending again what was lost to the endpoint, or can pass and has tries left.

        Parameters
        ----------
        attempts, unparsed_attempts : int
        parts : which parts of the plan
        asked : (stage, id of the model or judge)
            What a run asks; what others lost stays lost, and is counted so.
        models : ids
            Whose replies the judges read; written ones, which are no model's, are read as well.

        Returns
        -------
        int
            How many rows.
        """
        judgings = f"""judging IN (SELECT j.id FROM judging j JOIN trial t ON t.id = j.trial
            WHERE j.judge = ? AND j.part IN ({{}})
            AND (j.part = '{Part.EXEMPLAR}' OR t.model IN ({_marks([*models])})))"""
        trials = "trial IN (SELECT id FROM trial WHERE model = ? AND part IN ({}) AND protocol = ?)"
        reopened = 0
        for stage, party in asked:
            of_judge = stage == StageName.JUDGE
            table, rows = ("verdict", judgings) if of_judge else ("reply", trials)
            reopened += self._db.execute(
                f"""DELETE FROM {table} WHERE {rows.format(_marks(parts))}
                AND ((status IN ({_ENDPOINT}) AND NOT charged)
                OR (status IN ({_PASSING})
                AND NOT (status = 'empty' AND
                         (SELECT cut FROM attempt a WHERE a.id = {table}.attempt) IS 1)
                AND (SELECT count(*) FROM attempt WHERE request =
                     (SELECT request FROM attempt a WHERE a.id = {table}.attempt))
                < CASE status WHEN 'unparsed' THEN ? ELSE ? END))""",
                (
                    *(party, *parts, *(models if of_judge else (stage,))),
                    *(min(attempts, unparsed_attempts), attempts),
                ),
            ).rowcount
        return reopened

    def add_written(self, rows: Iterable[tuple[int, str]]) -> None:
        """Give trials replies that were written: (trial, text). What is there stays."""
        rows = list(rows)
        self._db.executemany("INSERT INTO written VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
        self._db.executemany(
            "INSERT INTO reply (trial, status, reason, chars) VALUES (?, 'ok', '', ?) "
            "ON CONFLICT DO NOTHING",
            [(trial, len(text)) for trial, text in rows],
        )

    def mark_truncated(self, trials: Iterable[int]) -> None:
        """Say of written replies that they were cut at a limit."""
        self._db.executemany(
            "UPDATE reply SET status = 'truncated', reason = 'cut at a limit' WHERE trial = ?",
            [(trial,) for trial in trials],
        )

    def add_values(self, rows: Iterable[tuple[int, float]]) -> None:
        """Keep a number that was read of each of these replies: (trial, value)."""
        self._db.executemany(
            "UPDATE reply SET value = ? WHERE trial = ?", [(value, trial) for trial, value in rows]
        )

    def leave_out(self, role: Role, part: Part, *, but: int) -> None:
        """Want no trial of a part of the parties of a role, except of one; all is kept."""
        self._db.execute(
            "UPDATE trial SET wanted = 0 WHERE wanted AND part = ? AND model != ? "
            "AND model IN (SELECT id FROM party WHERE role = ?)",
            (part, but, role),
        )

    # -- what is pending --------------------------------------------------------------------

    def pending_trials(
        self, model: int, after: int, parts: Sequence[str], *, protocol: str = "elicit"
    ) -> list[Trial]:
        """Return the next trials of a model without a reply, by id, at most `CHUNK`.

        The plus signs keep SQLite from an index that would have to be sorted for every chunk.
        """
        rows = self._db.execute(
            f"""SELECT t.id, t.condition, a.name, b.name, p.text, t.sample, c.name,
            coalesce(x.system, ''), t.wording, t.turn, x.turns, q.body, s.body
            FROM trial t LEFT JOIN trait a ON a.id = t.trait_1
            LEFT JOIN trait b ON b.id = t.trait_2 LEFT JOIN trait c ON c.id = t.planted
            JOIN prompt p ON p.id = t.prompt LEFT JOIN context x ON x.id = t.context
            LEFT JOIN reply l ON l.trial = t.after LEFT JOIN attempt y ON y.id = l.attempt
            LEFT JOIN request q ON q.id = y.request LEFT JOIN response s ON s.attempt = y.id
            WHERE +t.model = ? AND t.id > ? AND +t.part IN ({_marks(parts)}) AND t.wanted
            AND t.protocol = ? AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.trial = t.id)
            AND (t.after IS NULL OR (l.status IN ({_USABLE}) AND q.body IS NOT NULL))
            ORDER BY t.id LIMIT {CHUNK}""",
            (model, after, *parts, protocol),
        )
        return [
            self._trial(model, *row[:10], earlier=row[10], request=row[11], response=row[12])
            for row in rows.fetchall()
        ]

    def _trial(
        self, model: int, *row: Any, earlier: str | None, request: str | None, response: Any
    ) -> Trial:
        """Return a pending trial: after turns of its own, or after another trial's reply."""
        number, condition, one, other, prompt, sample, planted, system, wording, turn = row
        trial = Trial(number, condition, one, other, prompt, sample, planted, system)
        trial = trial._replace(wording=wording, turn=turn)
        if request is not None:
            reply = {"role": "assistant", "content": self.reading(200, response, party=model).text}
            return trial._replace(turns=(*json.loads(request)["messages"], reply))
        turns = tuple(json.loads(earlier or "[]"))
        return trial._replace(turns=turns, shown=transcript(turns, prompt) if turns else "")

    def count_followers(self, parts: Sequence[str]) -> int:
        """Count the pending trials whose conversation has come so far that they can be asked."""
        row = self._db.execute(
            f"""SELECT count(*) FROM trial t JOIN reply l ON l.trial = t.after
            WHERE t.wanted AND t.part IN ({_marks(parts)}) AND l.status IN ({_USABLE})
            AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.trial = t.id)""",
            tuple(parts),
        ).fetchone()
        return int(row[0])

    def end_conversations(self) -> None:
        """Count as lost the trials whose conversation ended before them, with its status."""
        while self._db.execute(
            f"""INSERT INTO reply (trial, status, reason, charged)
            SELECT t.id, l.status, CASE WHEN l.reason LIKE :said || '%' THEN l.reason
            ELSE :said || l.reason END, l.charged FROM trial t JOIN reply l ON l.trial = t.after
            WHERE l.status NOT IN ({_USABLE}) AND t.wanted
            AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.trial = t.id)""",
            {"said": "the conversation ended before this turn: "},
        ).rowcount:
            pass

    def pending_judgings(
        self, judge: int, after: int, parts: Sequence[str], *, until: int
    ) -> list[Judging]:
        """Return the next judgings with a reply and no verdict, by id, at most `CHUNK`.

        Only of replies from attempts up to `until`: the later ones are this run's own, and
        are judged as they come.
        """
        rows = self._db.execute(
            f"""SELECT j.id, t.id, a.name, b.name, j.swapped, j.sample, p.text, t.condition,
            x.turns, t.model, s.body, w.text
            FROM judging j JOIN trial t ON t.id = j.trial JOIN reply r ON r.trial = t.id
            LEFT JOIN context x ON x.id = t.context
            LEFT JOIN response s ON s.attempt = r.attempt LEFT JOIN written w ON w.trial = t.id
            JOIN trait a ON a.id = t.trait_1 JOIN trait b ON b.id = t.trait_2
            JOIN prompt p ON p.id = t.prompt
            WHERE j.judge = ? AND j.id > ? AND j.part IN ({_marks(parts)})
            AND r.status IN ({_USABLE}) AND coalesce(r.attempt, 0) <= ? AND j.wanted AND t.wanted
            AND NOT EXISTS (SELECT 1 FROM verdict v WHERE v.judging = j.id)
            ORDER BY j.id LIMIT {CHUNK}""",
            (judge, after, *parts, until),
        )
        return [
            Judging(
                *(i, t, a, b, bool(w), n, transcript(json.loads(turns or "[]"), p)),
                self.reading(200, body, party=m).text if text is None else text,
                condition,
            )
            for i, t, a, b, w, n, p, condition, turns, m, body, text in rows
        ]

    def judgings_of(
        self, trials: Sequence[int], judge: int, parts: Sequence[str]
    ) -> dict[int, list[PlannedJudging]]:
        """Return (id, swapped, sample) of what is planned and has no verdict, for each trial."""
        rows = self._db.execute(
            f"SELECT trial, id, swapped, sample FROM judging WHERE trial IN ({_marks(trials)}) "
            f"AND judge = ? AND part IN ({_marks(parts)}) AND wanted "
            "AND NOT EXISTS (SELECT 1 FROM verdict v WHERE v.judging = judging.id) ORDER BY id",
            (*trials, judge, *parts),
        )
        found: dict[int, list[PlannedJudging]] = {trial: [] for trial in trials}
        for trial, judging, swapped, sample in rows:
            found[trial].append(PlannedJudging(judging, bool(swapped), sample))
        return found

    def earlier(self, request: str) -> Earlier | None:
        """Return what is kept of a request, by its hash; None where it was never asked."""
        if self._asked is not None and request not in self._asked:
            return None
        attempts, answered = self._db.execute(
            f"""SELECT count(*), coalesce(sum(status IN ({_ANSWERED})), 0) FROM attempt
            WHERE request = (SELECT id FROM request WHERE hash = ?)""",
            (request,),
        ).fetchone()
        if not attempts:
            return None
        row = self._db.execute(
            f"""SELECT a.id, a.http, s.body FROM attempt a JOIN response s ON s.attempt = a.id
            WHERE a.request = (SELECT id FROM request WHERE hash = ?)
            AND a.status IN ({_USABLE}) ORDER BY a.id LIMIT 1""",
            (request,),
        ).fetchone()
        return Earlier(attempts, answered, (row[0], row[1], _bytes(row[2])) if row else None)

    def last_attempt(self) -> int:
        """Return the highest attempt id."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM attempt").fetchone()[0])

    def spent(self) -> tuple[float, int]:
        """Return US dollars spent so far, and how many attempts have an unknown cost."""
        row = self._db.execute(
            "SELECT coalesce(sum(cost), 0.0), sum(cost IS NULL) FROM attempt"
        ).fetchone()
        return float(row[0]), int(row[1] or 0)

    def requests_of_unknown_cost(self) -> Iterator[str]:
        """Yield the canonical JSON of the request, for each attempt of unknown cost."""
        rows = self._db.execute(
            "SELECT r.body FROM attempt a JOIN request r ON r.id = a.request WHERE a.cost IS NULL"
        )
        return (row[0] for row in rows)

    def trait_ids(self) -> dict[str, int]:
        """Trait ids by name."""
        return dict(self.query("SELECT name, id FROM trait ORDER BY id")[1])

    def parties(self, role: str) -> dict[str, tuple[int, str]]:
        """Return {name: (id, settings)} of the models or the judges."""
        _, rows = self.query(
            "SELECT name, id, settings FROM party WHERE role = ? ORDER BY id", (role,)
        )
        return {name: (i, settings) for name, i, settings in rows}

    # -- reading back -----------------------------------------------------------------------

    def query(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> tuple[list[str], list[Any]]:
        """Run one of the read-only queries of `ethogram.store.read`; returns names and rows."""
        try:
            cursor = self._db.execute(sql, parameters)
            return [d[0] for d in cursor.description], cursor.fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error

    def add_row(self, sql: str, values: Sequence[Any]) -> None:
        """Add one row, on the disk when this returns.

        Raises
        ------
        StoreError
        """
        try:
            self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be written: {error}") from error

    def write(self, sql: str, values: Sequence[Any]) -> int:
        """Run one statement of a transaction (see `planning`); returns the id of a new row."""
        return int(self._db.execute(sql, values).lastrowid or 0)

    def batches(self) -> list[Batch]:
        """Return the batches, oldest first."""
        return list_batches(self._db)

    def writer(self) -> Writer:
        """Start the thread that writes a run's results."""
        self._asked = AskedRequests(row[0] for row in self._db.execute("SELECT hash FROM request"))
        return Writer(
            self.path,
            first_attempt=self.last_attempt() + 1,
            asked=self._asked,
            earlier=self.earlier,
        )


def _roll_back(db: sqlite3.Connection) -> None:
    """Undo an open transaction, if there is one."""
    if db.in_transaction:
        db.execute("ROLLBACK")


def _marks(values: Sequence[Any]) -> str:
    """Return as many question marks as there are values."""
    return ", ".join("?" * len(values))


def _bytes(body: str | bytes) -> bytes:
    """Return a stored body as it was received."""
    return body.encode() if isinstance(body, str) else body
