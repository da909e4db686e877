"""The rules that `tests.faults.mutations` breaks are still where it looks for them."""

import pytest

from tests.faults.mutation import Mutation
from tests.faults.mutations import MUTATIONS, ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_what_it_replaces_is_there_once_and_so_is_its_test(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text().count(mutation.old) == 1
    file, _, name = mutation.test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()
