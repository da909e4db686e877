"""What `tests.faults.mutations` and `access_operators` change is still where they look for it."""

import pytest

from tests.faults import access_operators
from tests.faults.mutation import Mutation
from tests.faults.mutations import MUTATIONS, ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rule)
def test_what_it_replaces_is_there_once_and_so_is_its_test(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text().count(mutation.old) == 1
    file, _, name = mutation.test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()


def test_each_file_that_decides_about_access_has_something_to_change_and_routes_their_scopes() -> None:
    made = [c for file in access_operators.FILES for c in access_operators.changes(file, (ROOT / file).read_text())]
    assert {change.file for change in made} == set(access_operators.FILES)
    scopes = {change.file for change in made if change.new == access_operators.OTHER_SCOPE}
    assert {"api/routes/keys.py", "api/routes/users.py"} <= scopes
