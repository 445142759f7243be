"""Trait sets: the ones that come with ethogram, and files of the user's own."""

import pytest

from ethogram.errors import InputError
from ethogram.stimuli.traits import Trait, load_traits, trait_sets


def write(folder, text, name="mine.txt"):
    """Write a trait file and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_study_set_is_the_studys_list():
    """The study's set has its 144 traits, in the order of its own list."""
    names = load_traits("study144").names
    assert len(names) == 144
    assert names[:3] == ("remorseful", "diplomatic", "deferential")
    assert names[69] == "contemporary"
    assert names[-1] == "harmonious"


@pytest.mark.parametrize(
    ("name", "size"), [("quickstart", 10), ("opposites24", 24), ("contested40", 40)]
)
def test_smaller_sets_are_of_the_study(name, size):
    """Each smaller set has the size it claims and takes its words from the study's list."""
    traits = load_traits(name)
    assert traits.name == name
    assert len(traits) == size
    assert set(traits.names) <= set(load_traits("study144").names)


def test_every_set_loads_and_has_a_headline():
    """Every set that is listed can be read and says in one line what it is for."""
    for name, headline in trait_sets().items():
        assert len(load_traits(name)) >= 2
        assert len(headline) > 20
        assert not headline.startswith("#")


def test_text_file_has_one_trait_a_line(tmp_path):
    """A text file's lines are its traits, in order; comments, space and a byte-order mark go."""
    path = write(tmp_path, "\ufeff# mine\nbold \nself-aware\nчестный\n")
    traits = load_traits(path)
    assert traits.name == "mine"
    assert traits.names == ("bold", "self-aware", "честный")


def test_marks_of_other_scripts_are_letters(tmp_path):
    """A word whose vowels are combining marks, as in Hindi, is a single word."""
    assert load_traits(write(tmp_path, "विनम्र\nबुद्धिमान\n")).names == ("विनम्र", "बुद्धिमान")


def test_csv_file_has_descriptions(tmp_path):
    """A CSV file gives each trait a description, wherever its columns stand."""
    path = write(tmp_path, 'Description,trait\n"terse, short",concise\n,bold\n', "mine.csv")
    assert load_traits(path).traits == (Trait("concise", "terse, short"), Trait("bold"))


def test_relative_path_starts_from_base(tmp_path):
    """A relative path is looked up in the folder given as base."""
    write(tmp_path, "bold\ncalm\n")
    assert load_traits("mine.txt", base=tmp_path).names == ("bold", "calm")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("bold\ncalm\nBold\n", 3, "repeats line 1"),
        ("self-aware\ncalm\nSelfaware\n", 3, "repeats line 1"),
        ("bold\n\ncalm\n", 2, "blank"),
        ("bold\n   \ncalm\n", 2, "blank"),
        ("bold\n", 1, "at least two"),
        ("# none\n", 1, "at least two"),
        ("", 1, "at least two"),
        ("bold\ndown to earth\n", 2, "not a single word"),
        ("bold\n<answer>\n", 2, "not a single word"),
        ("bold\nself-\n", 2, "not a single word"),
    ],
)
def test_bad_line_is_refused_with_its_number(tmp_path, text, line, says):
    """Each kind of unusable line is refused with its number and the reason."""
    with pytest.raises(InputError, match=f"line {line}.*{says}"):
        load_traits(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('trait,description\nbold,"two\nlines"\nbold,\n', 4, "repeats line 3"),
        ("trait,description\nbold,x\n,y\n", 3, "blank"),
        ("word\nbold\ncalm\n", 1, "no column 'trait'"),
        ("word,description\n", 1, "no column 'trait', found word, description"),
        ("trait,description\n", 1, "the file holds no traits, expected at least two"),
        ("trait\nbold\n", 2, "the file holds one trait, expected at least two"),
    ],
)
def test_bad_csv_line_is_refused_with_its_number(tmp_path, text, line, says):
    """Lines of a CSV file are counted in the file, cells of several lines included."""
    with pytest.raises(InputError, match=f"line {line}.*{says}"):
        load_traits(write(tmp_path, text, "mine.csv"))


def test_unknown_set_names_the_sets(tmp_path):
    """A name that is neither set nor file is refused, and the sets are named."""
    with pytest.raises(InputError, match=r"'studdy'.*quickstart, study144.*file"):
        load_traits("studdy", base=tmp_path)


def test_other_encoding_is_refused(tmp_path):
    """A file that is not UTF-8 is refused with the place, not with a traceback."""
    path = tmp_path / "latin.txt"
    path.write_bytes(b"na\xefve\nbold\n")
    with pytest.raises(InputError, match=r"not UTF-8.*byte 2"):
        load_traits(path)


def test_a_row_shorter_than_the_header_is_a_blank_trait(tmp_path):
    """The header has the column; the row that ends before it is the one that is named."""
    path = tmp_path / "traits.csv"
    path.write_text("description,trait\nfoo,calm\nbar\nbaz,bold\n")
    with pytest.raises(InputError, match=r"line 3 is blank"):
        load_traits(path)
    path.write_text("description,name\nfoo,calm\n")
    with pytest.raises(InputError, match="line 1: no column 'trait'"):
        load_traits(path)
