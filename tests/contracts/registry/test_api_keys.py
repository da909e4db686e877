"""API keys."""

from dataclasses import replace

import pytest

from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.registry import Registry
from devices.errors import Conflict, NotFound

KEY = ApiKey(
    "k-1", "abcd1234", bytes(range(32)), "Eva", None, frozenset({"*", "drones:read"}), 10, 99, created_by="user:eva"
)


def test_a_key_is_found_by_its_prefix_and_remembers_use_and_revocation(registry: Registry) -> None:
    with registry.write() as tx:
        keys = tx.get(ApiKeys)
        keys.add(KEY)
        assert keys.by_prefix("abcd1234") == KEY
        assert keys.by_prefix("abcd") is None
        keys.touch("k-1", 20)
        keys.revoke("k-1", 30)
        keys.revoke("k-1", 40)
        assert keys.by_prefix("abcd1234") == replace(KEY, last_used_us=20, revoked_us=30)
        with pytest.raises(NotFound):
            keys.revoke("k-2", 1)


def test_ids_and_prefixes_are_unique_and_keys_listed_by_age(registry: Registry) -> None:
    with registry.write() as tx:
        keys = tx.get(ApiKeys)
        keys.add(KEY)
        with pytest.raises(Conflict):
            keys.add(replace(KEY, prefix="other"))
        with pytest.raises(Conflict):
            keys.add(replace(KEY, key_id="k-2"))
        older = replace(KEY, key_id="k-3", prefix="older", tenant_id="kl", created_us=1)
        keys.add(older)
        assert keys.all() == [older, KEY]
