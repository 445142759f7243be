"""Names in one spelling, in every reader."""

from __future__ import annotations

import pytest

from ethogram.api import read_profiles
from ethogram.errors import InputError
from ethogram.ratings.comparison_files import read_table
from ethogram.stimuli.prompts import load_prompts
from ethogram.stimuli.tables.names import check_name, clean_name, is_tie, look_alikes
from ethogram.stimuli.traits import load_traits

SAME = [
    ("na\u0131ve".replace("\u0131", "i\u0308"), "naïve"),  # a letter and its mark
    ("cal\u200bm", "calm"),  # zero-width space
    ("\ufeffcalm\u2060", "calm"),  # a byte-order mark, a word joiner
    ("c\u00adalm", "calm"),  # soft hyphen
    ("cal\u200dm\u200c", "calm"),  # joiners that join nothing
    ("\u202acalm\u202c", "calm"),  # marks of direction
    ("\u00a0calm\u3000", "calm"),  # no-break and wide spaces at the ends
    ("very \u00a0 calm", "very calm"),
    ("very\tcalm", "very calm"),
    ("  calm ", "calm"),
    ("\u1112\u1161\u11ab", "한"),
]
KEPT = ["naïve", "می\u200cخواهم", "👩\u200d🚀", "ক্\u200dষ", "静か", "GPT 4", "a-b", "", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]


@pytest.mark.parametrize(("name", "expected"), SAME)
def test_what_looks_the_same_is_spelt_the_same(name, expected):
    """Unicode's forms, what cannot be seen, and spaces; doing it twice changes nothing."""
    assert clean_name(name) == expected
    assert clean_name(clean_name(name)) == expected


@pytest.mark.parametrize("name", KEPT)
def test_what_is_seen_stays(name):
    """Joiners that a script or an emoji needs are part of the word."""
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "char", "\0\1\x07\x0b\x0c\x1b\x1c\x7f\x85\x9b\ufffe\uffff\ufdd0\U0001fffe\ud800"
)
def test_characters_that_no_name_has_are_refused(char):
    """With the place and the character's number."""
    with pytest.raises(InputError, match=rf"f\.csv, line 3: trait .* U\+{ord(char):04X}, which"):
        check_name(f"ca{char}lm", place="f.csv, line 3", what="trait")


def test_names_that_differ_in_case_are_found():
    """Full case folding: ß is ss."""
    assert look_alikes(["Warm", "warm", "cold", "Maß", "MASS"]) == [
        ("Warm", "warm"),
        ("MASS", "Maß"),
    ]
    assert look_alikes(["warm", "calm"]) == []


@pytest.mark.parametrize(
    "twin",
    [
        "ＣＡＬＭ-ed",
        "calm\u2011ed",
        "calm ed",
        "calmed",
        "Calm–Ed",
        "calm-ed.",
        "“calm-ed”",
        "сalm-ed",
    ],
)
def test_names_that_look_alike_are_found(twin):
    """Width, hyphens, spaces, a stop, quotation marks, and a Cyrillic letter in Latin dress."""
    assert look_alikes(["calm-ed", twin, "bold"]) == [tuple(sorted(("calm-ed", twin)))]


def test_other_names_are_not_alike():
    """Signs that carry meaning stay: plus, sharp, a stop inside, an accent."""
    assert (
        look_alikes(["c", "c++", "c#", "m-4.1", "m-41", "café", "cafe", "-", "?", "か", "が"]) == []
    )


@pytest.mark.parametrize("word", ["tie", "TIE", "ｔｉｅ", "Tie.", "ＴＩＥ"])
def test_the_word_for_a_tie_in_other_dress(word):
    """Whatever its case, its width and a stop."""
    assert is_tie(word)
    assert not is_tie("tied")


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


@pytest.mark.parametrize(("name", "expected"), [pair for pair in SAME if "\t" not in pair[0]])
def test_one_trait_and_one_model_in_comparison_files(written, name, expected):
    """In each column where a name can stand, and in the other readers' forms."""
    text = "model,trait_1,trait_2,winner,judge,judge_first\n"
    text += (
        f"{name},{name},bold,{name},{name},{name}\n{expected},bold,{expected},{name},{expected},\n"
    )
    (found,) = read_table(written("f.csv", text))
    assert (found.model, found.judge) == (expected, expected)
    assert set(found.traits) == {expected, "bold"}
    assert found.outcome.tolist() == [1.0, 0.0]
    assert found.judge_first.tolist() == [1, 0]


@pytest.mark.parametrize(("name", "expected"), [pair for pair in SAME if " " not in pair[1]])
@pytest.mark.parametrize("kind", ["t.txt", "t.csv"])
def test_one_trait_in_word_lists(written, kind, name, expected):
    """The word is the one that is seen."""
    head = "trait\n" if kind.endswith("csv") else ""
    assert load_traits(written(kind, f"{head}{name}\nbold\n")).names == (expected, "bold")
    with pytest.raises(InputError, match="repeats line"):
        load_traits(written(kind, f"{head}{name}\n{expected}\n"))


def test_prompts_ids_are_names(written):
    """What is seen of an id is the id; the text of a prompt stays as it is written."""
    path = written("p.jsonl", '{"id": " a\u200b1\u00a0", "prompt": "two  spaces\u00a0here"}\n')
    (prompt,) = load_prompts(str(path)).prompts
    assert (prompt.id, prompt.text) == ("a1", "two  spaces\u00a0here")


@pytest.mark.parametrize("word", ["tie", "Tie", "TIE", "t\u200bie", " tie "])
def test_a_trait_called_tie_is_refused(written, word):
    """In word lists and in comparison files of every form: its wins would be ties."""
    for kind, head in (("t.txt", ""), ("t.csv", "trait\n")):
        with pytest.raises(InputError, match="word for no winner"):
            load_traits(written(kind, f"{head}calm\n{word}\nbold\n"))
    plain = f"model,trait_1,trait_2,winner\nm,calm,bold,calm\nm,{word},calm,{word}\n"
    with pytest.raises(InputError, match=r"line 3: a trait called 'tie'.*rename"):
        read_table(written("f.csv", plain))
    arena = f"model_a,model_b,winner\ncalm,{word},model_b\n"
    with pytest.raises(InputError, match=r"line 2: a trait called 'tie'.*rename"):
        read_table(written("a.csv", arena), form="arena")


def test_case_twins_get_a_note(written):
    """They stay apart; the note is with the profiles."""
    text = "model,trait_1,trait_2,winner\nm,Warm,bold,Warm\nm,warm,bold,bold\nM,warm,bold,bold\n"
    profiles = read_profiles(written("f.csv", text))
    assert set(profiles[0].traits) == {"Warm", "warm", "bold"}
    notes = " ".join(profiles.notes)
    assert "different traits, although they look alike: 'Warm' and 'warm'." in notes
    assert "different models, although they look alike: 'M' and 'm'." in notes


@pytest.mark.parametrize("char", "\0\x0b\x0c\x1b\ufffe")
def test_every_reader_refuses_them_with_the_place(written, char):
    """Word lists, prompts and comparisons, of each column with names."""
    for column in range(4):
        cells = ["m", "calm", "bold", "calm"]
        cells[column] += char
        text = "model,trait_1,trait_2,winner\nm,calm,bold,calm\n" + ",".join(cells) + "\n"
        with pytest.raises(InputError, match=rf"line 3: .*U\+{ord(char):04X}"):
            read_table(written("f.csv", text))
    with pytest.raises(InputError, match=rf"line 2: .*U\+{ord(char):04X}"):
        load_traits(written("t.txt", f"bold\ncalm{char}\n"))
    with pytest.raises(InputError, match=rf"line 2: .*U\+{ord(char):04X}"):
        load_prompts(str(written("p.csv", f"id,prompt\na{char},hello there\n")))
