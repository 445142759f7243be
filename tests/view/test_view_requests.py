"""The viewer's answers: who is heard, what is shown, what is kept, and that nothing is changed."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
from urllib.parse import quote

import pytest
from tests.planted.simulated_store import HOSTILE, fill_store
from tests.view.served import TRAITS, fill_studies, serve

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from ethogram.api.labels import draw_labels
from ethogram.api.view import serve_view
from ethogram.api.view.desk import Desk
from ethogram.api.view.shelf import Shelf
from ethogram.errors import InputError
from ethogram.store.labels import read_draw, read_labels, trial_words
from ethogram.store.store import Store


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Return a folder of three studies, and what their files held before."""
    folder = fill_studies(tmp_path_factory.mktemp("studies"))
    return folder, _hashes(folder)


@pytest.fixture(scope="module")
def viewer(studies, tmp_path_factory):
    """Serve the folder, read only."""
    with serve([studies[0]], tmp_path_factory.mktemp("cache")) as served:
        yield served


def _hashes(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


# -- who is heard ---------------------------------------------------------------------------


def test_only_the_link_opens_it(viewer):
    """No token, or a wrong one: refused; the link sets a strict cookie and leaves the address."""
    assert viewer.ask("/")[0] == 403
    assert viewer.ask("/?token=wrong")[0] == 403
    assert viewer.ask("/assets/viewer.js")[0] == 403
    status, headers, _ = viewer.ask(viewer.links[0].removeprefix(viewer.root))
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    assert viewer.ask("/", Cookie=viewer.cookie())[0] == 200


def test_a_deep_link_with_the_token_leads_there(viewer):
    """And never to another host, however the path is spelt."""
    token = viewer.links[0].partition("token=")[2]
    _, headers, _ = viewer.ask(f"/s/one/replies?q=zebra&token={token}")
    assert headers["location"] == "/s/one/replies?q=zebra"
    _, headers, _ = viewer.ask(f"//evil.example/?token={token}")
    assert headers.get("location", "/").startswith("/")
    assert not headers.get("location", "/").startswith("//")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example:80", ""]
)
def test_a_foreign_host_is_refused(viewer, host):
    """DNS rebinding: the name in the request is not ours, though it reached us with the cookie."""
    status, _, text = viewer.ask("/", Host=host, Cookie=viewer.cookie())
    assert status == 403
    assert "studies" not in text.lower()


def test_two_hosts_or_origins_are_refused_if_one_is_foreign(viewer):
    """Whichever stands first: what is asked is not what a header of ours would say."""
    own, foreign = viewer.root, "http://evil.example"
    for pair in ((own, foreign), (foreign, own)):
        origins = "".join(f"Origin: {origin}\r\n" for origin in pair)
        assert _raw(viewer, f"Host: {viewer.host}\r\n{origins}") == 403
        hosts = "".join(f"Host: {origin.partition('//')[2]}\r\n" for origin in pair)
        assert _raw(viewer, hosts) in (400, 403)
    assert _raw(viewer, f"Host: {viewer.host}\r\nOrigin: {own}\r\n") == 200
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    assert _raw(viewer, f"Host: {viewer.host}\r\n{upgrade}{key}") in (200, 403)


def _raw(viewer, headers):
    """Send a request with these header lines and the cookie; returns the status."""
    name, _, port = viewer.host.partition(":")
    with socket.create_connection((name, int(port)), timeout=30) as sending:
        lines = f"GET /status.json HTTP/1.1\r\n{headers}Cookie: {viewer.cookie()}\r\n\r\n"
        sending.sendall(lines.encode())
        return int(sending.recv(4096).split()[1])


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused(viewer, origin, method):
    """Cross-site requests carry their origin, also where the browser sends the cookie."""
    status, _, _ = viewer.ask("/", method=method, Origin=origin, Cookie=viewer.cookie())
    assert status == 403


def test_other_methods_and_posts_without_origin_are_refused(viewer):
    """Nothing but GET and POST, and a POST says where it comes from."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert viewer.ask("/label/one", method=method, Cookie=viewer.cookie())[0] == 403


def test_a_reader_cannot_label(viewer):
    """Without --label the viewer writes nothing."""
    status, _, _ = viewer.ask(
        "/label/one",
        method="POST",
        body="trial=1&answer=both",
        Origin=viewer.root,
        Cookie=viewer.cookie(),
    )
    assert status == 403


def test_every_answer_has_a_policy(viewer):
    """No script but our own files or the report's own hashes; in no frame; never cached."""
    for path in ("/", "/s/one/replies", "/s/few", "/compare"):
        _, headers, _ = viewer.ask(path, Cookie=viewer.cookie())
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        scripts = policy.partition("script-src ")[2].partition(";")[0]
        assert "unsafe" not in scripts
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


# -- what is shown --------------------------------------------------------------------------


def test_the_list_has_every_study(viewer):
    """Each with models, judges and how far it is."""
    _, _, text = viewer.ask("/", Cookie=viewer.cookie())
    for words in ("The first study", "The second", "Fewer traits", "alpha, beta", "first, second"):
        assert words in text


def test_the_report_is_the_report_with_ways_back(viewer):
    """The same page as `ethogram report` writes, with links to the list and to all replies."""
    _, _, text = viewer.ask("/s/few", Cookie=viewer.cookie())
    assert 'id="ranked"' in text
    assert '<a href="/s/few/replies">All replies</a>' in text


def test_search_finds_a_word_in_all_replies(viewer):
    """Whatever its case and accents, as part of a phrase, with a star; never as a command."""
    for query, found in (
        ("zebra", 2),
        ("ZEBRA+cafe", 2),
        ("%22zebra+crossed%22", 2),
        ("%22crossed+zebra%22", 0),
        ("zeb*", 2),
        ("zebra+AND+NOT+(", 0),
        ("%22", 0),
    ):
        status, _, text = viewer.ask(f"/s/one/replies?q={query}", Cookie=viewer.cookie())
        assert status == 200
        shown = 2 if found else 0
        if query == "%22":
            assert "replies;" in text or "No reply" in text
        else:
            assert text.count('<article class="hit"') == shown, query


def test_filters_and_order_hold(viewer):
    """A model's replies, a trait's, those first that judges differ on."""
    _, _, text = viewer.ask("/s/one/replies?model=beta&trait=warm", Cookie=viewer.cookie())
    assert "alpha, " not in text
    assert text.count('<article class="hit"') == text.count("beta answered") > 3
    _, _, text = viewer.ask("/s/one/replies?order=disagreeing", Cookie=viewer.cookie())
    first = text.partition("<article")[2].partition("</article>")[0]
    one = first.partition("first judged: ")[2].split("<")[0]
    other = first.partition("second judged: ")[2].split("<")[0]
    assert one != other
    for page in ("2", "0", "-1", "x", "99999"):
        assert viewer.ask(f"/s/one/replies?page={page}", Cookie=viewer.cookie())[0] == 200
    _, _, text = viewer.ask("/s/few/replies?page=99999", Cookie=viewer.cookie())
    first, last = re.search(r"replies; ([\d,]+) to ([\d,]+)\.", text).groups()
    assert int(first) <= int(last) <= 10  # the last page, not one that is not there


def test_hostile_replies_stay_text(viewer):
    """A reply's markup is shown, not run."""
    _, _, text = viewer.ask("/s/one/replies?q=owned", Cookie=viewer.cookie())
    assert "&lt;script&gt;document.title" in text
    assert HOSTILE not in text
    assert "<img src=x" not in text
    _, _, text = viewer.ask(
        "/s/one/replies?q=%3Cscript%3Ealert(1)%3C/script%3E", Cookie=viewer.cookie()
    )
    assert "<script>alert" not in text


def test_studies_asked_alike_are_compared_and_others_say_why_not(viewer):
    """Two of one design: one report on the models of both, told apart; fewer traits: the reason."""
    _, _, text = viewer.ask("/compare?study=one&study=two", Cookie=viewer.cookie())
    for name in ("alpha (one)", "alpha (two)", "beta"):
        assert name in text
    status, _, text = viewer.ask("/compare?study=one&study=few", Cookie=viewer.cookie())
    assert status == 409
    assert "Design differs: 3 traits of The first study only" in text
    assert "Choose at least two" in viewer.ask("/compare", Cookie=viewer.cookie())[2]


def test_what_is_not_there_is_said(viewer):
    """A study, a trial: in words, as a page."""
    status, _, text = viewer.ask("/s/none", Cookie=viewer.cookie())
    assert (status, "no study" in text) == (404, True)
    for number in ("99999999999999999999", "9" * 5000, "-1", "1.0", "\u0661", "x"):
        path = f"/s/one/trial/{quote(number)}"
        status, _, text = viewer.ask(path, Cookie=viewer.cookie())
        assert (status, "has no trial" in text) == (404, True)


def test_a_store_that_is_only_viewed_is_not_changed(viewer, studies):
    """No byte of any file, and no new file, after all of the above."""
    viewer.ask("/s/one/replies?q=zebra", Cookie=viewer.cookie())
    folder, before = studies
    assert _hashes(folder) == before


def test_odd_files_in_a_folder_break_no_page(tmp_path):
    """A name that is no text, a damaged store, links, other files; no store is hidden."""
    path = fill_store(tmp_path / "one.db", traits=TRAITS[:4], study="The one")
    latin = tmp_path / os.fsdecode(b"caf\xe9.db")
    try:
        fill_store(tmp_path / "x.db", traits=TRAITS[:4], study="Latin").rename(latin)
    except OSError:
        pytest.skip("this file system has names of text only")
    whole = path.read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.db").write_text("no database")
    (tmp_path / "alias.db").symlink_to(path)
    (tmp_path / "broken.db").symlink_to(tmp_path / "nowhere.db")
    with serve([tmp_path, path], tmp_path / "cache") as served:
        cookie = served.cookie()
        _, _, text = served.ask("/", Cookie=cookie)
        keys = re.findall(r'<a href="/s/([^"/]+)"', text)
        assert sorted(keys) == ["caf", "one"]
        assert "cut.db cannot be read" in text
        assert "text.db" not in text
        for key in keys:
            assert served.ask(f"/s/{key}", Cookie=cookie)[0] == 200
            assert served.ask(f"/s/{key}/replies", Cookie=cookie)[0] == 200
        path.unlink()
        status, _, text = served.ask("/", Cookie=cookie)
        assert (status, "no store at" in text) == (200, True)


def test_a_store_damaged_in_any_place_breaks_no_page(tmp_path):
    """The list shows every study; the damaged one says so wherever it is asked."""
    whole = fill_store(tmp_path / "one.db", traits=TRAITS[:3]).read_bytes()
    with serve([tmp_path], tmp_path / "cache") as served:
        cookie = served.cookie()
        for start in range(4096, len(whole), len(whole) // 12):
            hurt = whole[:start] + b"\xa5" * 3000 + whole[start + 3000 :]
            (tmp_path / "one.db").write_bytes(hurt[: len(whole)])
            for path in ("/", "/s/one", "/s/one/replies?q=reply", "/s/one/trial/1"):
                status, _, text = served.ask(path, Cookie=cookie)
                assert status in (200, 404)
                assert "<h1" in text


def test_stores_of_one_name_have_addresses_of_their_own(tmp_path):
    """Also where a third is called as the second would be."""
    for place in ("x/a.db", "y/a.db", "z/a-2.db"):
        (tmp_path / place).parent.mkdir()
        fill_store(tmp_path / place, traits=TRAITS[:3])
    shelf = Shelf([tmp_path / name for name in "xyz"])
    assert sorted(path.parent.name for path in shelf.paths.values()) == ["x", "y", "z"]


# -- labelling ------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path):
    """Serve one study to two labellers."""
    folder = fill_studies(tmp_path)
    with serve([folder / "one.db"], tmp_path / "cache", labellers=["ann", "bea"]) as served:
        yield served, folder / "one.db"


def _answer(served, cookie, answer="word_1"):
    """Label what is shown; returns the trial."""
    _, _, text = served.ask("/label/one", Cookie=cookie)
    trial = text.partition('name="trial" value="')[2].split('"')[0]
    served.ask(
        "/label/one",
        method="POST",
        body=f"trial={trial}&answer={answer}",
        Origin=served.root,
        Cookie=cookie,
    )
    return int(trial)


def test_a_labeller_sees_neither_model_nor_verdict(desk):
    """The desk names none, and every other page leads back to it."""
    served, _ = desk
    cookie = served.cookie()
    _, _, text = served.ask("/label/one", Cookie=cookie)
    body = text.partition("<main")[2]
    assert not any(name in body for name in ("alpha", "beta", "judged", "first", "second"))
    for path in ("/", "/s/one", "/s/one/replies", "/s/one/trial/1", "/status.json"):
        status, headers, _ = served.ask(path, Cookie=cookie)
        assert (status, headers["location"]) == (303, "/label/one")


def test_labels_undo_and_pages_sent_twice(desk):
    """What was pressed is kept with who and how long; undone, the same reply comes again."""
    served, path = desk
    cookie = served.cookie()
    first = _answer(served, cookie, "both")
    second = _answer(served, cookie, "word_2")
    for _ in range(2):  # an old page: nothing is kept
        served.ask(
            "/label/one",
            method="POST",
            body=f"trial={first}&answer=neither",
            Origin=served.root,
            Cookie=cookie,
        )
    served.ask("/label/one/undo", method="POST", Origin=served.root, Cookie=cookie)
    assert _answer(served, cookie, "neither") == second
    with Store.read(path) as store:
        kept = {label.trial: label for label in read_labels(store)}
    assert {t: label.answer for t, label in kept.items()} == {first: "both", second: "neither"}
    assert kept[first].labeller == "ann"
    assert 0 <= kept[first].seconds < 60


def test_the_word_that_was_pressed_is_the_trait_that_is_kept(desk):
    """Whichever of the two stood first."""
    served, path = desk
    cookie = served.cookie(1)
    pressed = {}
    for _ in range(12):
        _, _, text = served.ask("/label/one", Cookie=cookie)
        word = text.partition("<kbd>1</kbd>")[2].split("<")[0]
        pressed[_answer(served, cookie)] = word
    with Store.read(path) as store:
        _, rows = store.query(
            "SELECT l.trial, CASE l.answer WHEN 'trait_1' THEN a.name ELSE b.name END, l.swapped "
            "FROM label l JOIN trial t ON t.id = l.trial JOIN trait a ON a.id = t.trait_1 "
            "JOIN trait b ON b.id = t.trait_2"
        )
    assert {trial: word for trial, word, _ in rows} == pressed
    assert {swapped for _, _, swapped in rows} == {0, 1}


@pytest.mark.parametrize(
    "body",
    ["a=1&" * 30, "x" * 20_000, "answer=both", "trial=%ff&answer=%ff", "--x\r\nanswer\r\n", ""],
)
def test_a_form_that_is_none_of_ours_keeps_nothing(desk, body):
    """Too many fields, too long, without a trial, no text, of another kind: said as a page."""
    served, path = desk
    cookie = served.cookie()
    served.ask("/label/one", Cookie=cookie)
    status, _, text = served.ask(
        "/label/one", method="POST", body=body, Origin=served.root, Cookie=cookie
    )
    assert status in (303, 404)
    assert "Internal" not in text
    with Store.read(path) as store:
        assert read_labels(store) == []


def test_two_people_label_at_once_without_loss(desk):
    """Each 15 replies at the same time: 30 labels, and only shared replies have two."""
    served, path = desk
    given = {0: [], 1: []}

    def work(person):
        cookie = served.cookie(person)
        given[person] = [_answer(served, cookie) for _ in range(15)]

    threads = [threading.Thread(target=work, args=(person,)) for person in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with Store.read(path) as store:
        kept = read_labels(store)
        _, shared = store.query("SELECT trial FROM label_item WHERE shared")
    assert len(kept) == 30
    twice = set(given[0]) & set(given[1])
    assert twice <= {trial for (trial,) in shared}


def test_a_reply_that_somebody_left_open_goes_to_the_next(desk, monkeypatch):
    """Held for a while, then free; who comes back to it is heard all the same."""
    _, path = desk
    one = Desk(path)
    first = one.card("cat").trial
    assert one.card("dan").trial != first
    monkeypatch.setattr("ethogram.api.view.desk._LONGEST", 0.0)
    assert one.card("eve").trial == first
    for who in ("eve", "cat"):
        one.answer(who, first, "both")
    with Store.read(path) as store:
        assert {label.labeller for label in read_labels(store)} == {"cat", "eve"}


def test_a_queue_drawn_anew_keeps_the_label_under_way(desk):
    """What is before a person is kept as it was shown, whatever the new queue has."""
    _, path = desk
    one = Desk(path)
    card = one.card("cat")
    draw_labels(path, 10, seed=7)
    one.answer("cat", card.trial, "word_1")
    with Store.read(path) as store:
        (label,) = read_labels(store)
        word = trial_words(store)[label.trial][label.answer == "trait_2"]
        queue = [item.trial for item in read_draw(store).items]
    assert word == card.texts["word_1"]
    assert one.card("cat").trial in queue


def test_a_label_waits_for_another_writer(desk):
    """A run that ends within seconds costs no label."""
    _, path = desk
    one = Desk(path)
    card = one.card("cat")
    store = Store.open(path)
    timer = threading.Timer(0.4, store.close)
    timer.start()
    one.answer("cat", card.trial, "unsure")
    timer.join()
    with Store.read(path) as opened:
        assert [label.answer for label in read_labels(opened)] == ["unsure"]


@pytest.mark.parametrize(
    ("paths", "options", "words"),
    [
        (["nowhere.db"], {}, "no store at"),
        (["."], {"labellers": ["ann"]}, "people label one store at a time"),
        (["one.db"], {"labellers": ["ann", "ann"]}, "expected different names"),
        (["one.db"], {"labellers": ["ann", " Ann"]}, "expected different names"),
        (["one.db"], {"labellers": ["\x00 "]}, "expected a name"),
        (["one.db"], {"port": 99999}, "port 99999 cannot be used"),
    ],
)
def test_what_cannot_be_served_is_said(tmp_path, paths, options, words):
    """Before anything is served."""
    fill_studies(tmp_path)
    with pytest.raises(InputError) as caught:
        serve_view([tmp_path / path for path in paths], cache=tmp_path / "cache", **options)
    assert words in str(caught.value)
