"""What pydantic finds wrong is said so that people understand it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from devices.messages import Id
from devices.wording.validation import code_validation_error, word_validation_error


@pytest.mark.parametrize("given", ["", "L 01", "L01\n", "Ä", "x" * 65])
def test_a_malformed_id_is_told_without_its_pattern(given: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Id).validate_python(given)
    error = caught.value.errors()[0]
    assert code_validation_error(error).code == "malformed_id"
    for language in ("de", "en"):
        assert "64" in word_validation_error(error, language)
        assert "[" not in word_validation_error(error, language)
