"""Files and functions stay small enough to be read at one go."""

from statistics import median, quantiles

from tests.architecture import source

FILE_LINES = 400
FILE_MEDIAN = 90
FUNCTION_LINES = 60
FUNCTION_P90 = 25


def test_no_file_is_too_long() -> None:
    too_long = {str(file.path): file.lines for file in source.program() + source.tests() if file.lines > FILE_LINES}
    assert too_long == {}


def test_the_median_file_is_short() -> None:
    lengths = [file.lines for file in source.program() if file.lines]
    assert median(lengths) < FILE_MEDIAN


def test_no_function_is_too_long() -> None:
    files = source.program() + source.tests()
    too_long = {place: lines for file in files for place, lines in file.functions() if lines > FUNCTION_LINES}
    assert too_long == {}


def test_nine_of_ten_functions_are_short() -> None:
    lengths = [lines for file in source.program() for _, lines in file.functions()]
    assert quantiles(lengths, n=10)[-1] < FUNCTION_P90
