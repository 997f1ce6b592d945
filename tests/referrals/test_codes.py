"""The code that is read out over a telephone: a slip of the tongue or the pen never names another case."""

from itertools import pairwise

import pytest

from app.referrals.codes import ALPHABET, new_code, normalized

CODES = [new_code() for _ in range(60)]


@pytest.mark.parametrize("code", CODES[:5], ids=range(5))
def test_a_code_is_three_and_three_and_reads_itself_back(code: str) -> None:
    assert (len(code), code[3]) == (7, "-")
    for written in (code, code.lower(), code.replace("-", ""), f" {code} ", code.replace("-", " - ")):
        assert normalized(written) == code


def test_letters_that_look_or_sound_alike_are_left_out() -> None:
    for one, other in ("0O", "1I", "1L", "5S", "UV"):
        assert not (one in ALPHABET and other in ALPHABET)
    assert len(set(ALPHABET)) == 29


def test_every_single_wrong_character_is_found() -> None:
    for code in CODES:
        for at in (0, 1, 2, 4, 5, 6):
            for wrong in ALPHABET:
                if wrong != code[at]:
                    assert normalized(code[:at] + wrong + code[at + 1 :]) is None, code


def test_every_swap_of_two_neighbours_is_found() -> None:
    for code in CODES:
        bare = code.replace("-", "")
        for at, (one, two) in enumerate(pairwise(bare)):
            if one != two:
                assert normalized(bare[:at] + two + one + bare[at + 2 :]) is None, code


@pytest.mark.parametrize("text", ["", "K7M", "K7M-2QX-3", "K7M-2Q0", "K7M-2QÜ", "١٢٣٤٥٦", "K7M-2QX\0Y"])
def test_what_is_no_code_is_none(text: str) -> None:
    assert normalized(text) is None


def test_codes_do_not_follow_each_other() -> None:
    assert len({new_code() for _ in range(2000)}) > 1990
