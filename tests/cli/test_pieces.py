"""How much `sonopost send` gives to one request, by what the line carried before."""

from app.cli.pieces import FIRST, GOAL_S, LARGEST, LARGEST_CHECKED, SMALLEST, Pace


def test_a_line_gets_what_it_carries_in_a_few_seconds() -> None:
    pace = Pace()
    pace.took(FIRST, 7.4)  # 384 kbit/s, 700 ms
    assert SMALLEST < pace.piece_bytes < FIRST
    slow = pace.piece_bytes
    pace.took(slow, slow / 2e6)
    assert pace.piece_bytes == int(2e6 * GOAL_S) > LARGEST_CHECKED


def test_what_is_left_of_a_file_tells_nothing_of_the_line() -> None:
    pace = Pace()
    pace.took(100, 0.7)
    assert pace.piece_bytes == FIRST


def test_after_a_cut_pieces_are_small_and_checked_until_one_has_passed() -> None:
    pace = Pace(LARGEST)
    pace.broke()
    assert pace.piece_bytes == LARGEST_CHECKED // 2
    for _ in range(20):
        pace.broke()
    assert pace.piece_bytes == SMALLEST
