"""Rules of access broken on purpose, and the test that must notice each; `tests.faults.mutations` makes them."""

from typing import Final

from tests.faults.mutation import Mutation

_API: Final = "tests/contracts/api/"
_ROLE: Final = _API + "test_matrix.py::test_a_role_gets_at_what_the_table_says_and_at_nothing_else"
_SCOPE: Final = _API + "test_matrix.py::test_a_key_without_the_scope_of_a_route_gets_nowhere_and_with_it_alone_in"
_ORIGIN: Final = _API + "test_matrix.py::test_no_other_site_makes_a_browser_change_anything"
_ONE: Final = _API + "test_recording.py::test_each_change_and_its_entry_are_one_transaction"
_CLAIMS: Final = _API + "test_hostile_provider.py::test_no_other_claims_let_in"
_TOKENS: Final = _API + "test_hostile_provider.py::test_no_other_token_lets_in"
_STREAM: Final = _API + "test_stream.py::test_a_role_within_a_group_follows_what_is_in_the_group_and_no_more"

_ADMISSION: Final = "tests/unit/gateway/test_admission.py::"

ACCESS: Final = (
    Mutation(
        "access: replay a refused message with the right to read it",
        "api/routes/dead_letters.py",
        'REPLAY: Final = "dead_letters:replay"',
        'REPLAY: Final = "dead_letters:read"',
        _SCOPE,
    ),
    Mutation(
        "access: lend with the right to configure",
        "api/routes/loans.py",
        'requires_scope("devices:lend")',
        'requires_scope("devices:configure")',
        f"{_ROLE}[light_operator]",
    ),
    Mutation(
        "access: sign in for another site",
        "api/routes/login.py",
        "    sessions.must_be_ours(request)\n",
        "",
        f"{_ORIGIN}[headers0]",
    ),
    Mutation(
        "access: tell a limited user all of a change in his stream",
        "api/routes/stream.py",
        "        left = _of_assets(change.data, self.visible.assets)\n",
        "        left = change.data\n",
        _STREAM,
    ),
    Mutation(
        "access: put a revocation on record in another transaction",
        "api/routes/keys.py",
        "        api_keys.revoke_api_key(tx, who, key_id, services.now_us())\n",
        "        tx.get(api_keys.ApiKeys).revoke(key_id, services.now_us())\n"
        "    with services.registry.write() as tx:\n"
        "        api_keys.revoke_api_key(tx, who, key_id, services.now_us())\n",
        f"{_ONE}[people]",
    ),
    Mutation(
        "access: take an OpenID token of any issuer",
        "api/oidc.py",
        '            "iss": {"essential": True, "value": self._issuer},\n',
        "",
        f"{_CLAIMS}[another issuer]",
    ),
    Mutation(
        "access: take an OpenID token for any client",
        "api/oidc.py",
        '            "aud": {"essential": True, "value": self._client_id},\n',
        "",
        f"{_CLAIMS}[another audience of which we are the party]",
    ),
    Mutation(
        "access: take a token that nobody signed",
        "api/oidc.py",
        "algorithms=list(ALGORITHMS)",
        'algorithms=[*ALGORITHMS, "none"]',
        f"{_TOKENS}[signed by nobody]",
    ),
    Mutation(
        "access: take an answer to another sign-in",
        "api/routes/single_sign_on.py",
        "    if not state or kept.state != state:\n",
        "    if not state:\n",
        _API + "test_hostile_provider.py::test_state_and_nonce_work_once",
    ),
    Mutation(
        "access: take an address that the provider did not verify",
        "api/oidc.py",
        ' and claims.get("email_verified") is True',
        "",
        f"{_CLAIMS}[an address that is not verified]",
    ),
    Mutation(
        "access: let another town's things be seen",
        "application/access/actor.py",
        '        if not self.is_at_home(tenant_id) or not self.may_on(f"{kind}:read", asset_id):\n',
        '        if not self.may_on(f"{kind}:read", asset_id):\n',
        f"{_ROLE}[viewer]",
    ),
    Mutation(
        "access: let `*` open the brigade's data",
        "application/access/roles.py",
        "    return EVERYTHING in held and subject not in restricted\n",
        "    return EVERYTHING in held\n",
        f"{_ROLE}[admin]",
    ),
    Mutation(
        "access: let a role within a group hold for the whole town",
        "application/access/roles.py",
        "if g.tenant_id in {None, tenant_id} and not g.limits)",
        "if g.tenant_id in {None, tenant_id})",
        f"{_ROLE}[viewer (limited)]",
    ),
    Mutation(
        "access: give a limited role all groups",
        "application/access/actor.py",
        "any(limit in w.limits for w in self._granting(scope))",
        "any(w.limits for w in self._granting(scope))",
        f"{_ROLE}[light_operator (limited)]",
    ),
    Mutation(
        "access: give out a drone's login as any other",
        "api/device_credentials.py",
        'f"{asset.kind}:credentials" if restricted else ADMIN',
        "ADMIN",
        f"{_ROLE}[drone_leader]",
    ),
    Mutation(
        "access: let anybody see what brokers refused",
        "api/routes/credentials.py",
        "Admin = Annotated[Actor, requires_scope(ADMIN)]",
        'Admin = Annotated[Actor, requires_scope("streetlight:read")]',
        f"{_ROLE}[viewer]",
    ),
    Mutation(
        "access: let a key do what its maker may no more",
        "application/access/api_keys.py",
        "        scopes = common_scopes(scopes, whole_scopes(grants, key.tenant_id, roles), restricted)\n",
        "",
        _API + "test_key_makers.py::test_a_key_does_no_more_than_its_maker_may_now",
    ),
    Mutation(
        "access: take a revoked key",
        "api/authentication.py",
        "    if key is None or not same or key.revoked_us is not None:\n",
        "    if key is None or not same:\n",
        _API + "test_access.py::test_a_key_ends_with_its_time_and_with_its_revocation",
    ),
    Mutation(
        "access: take a key's prefix for its secret",
        "api/authentication.py",
        "    if key is None or not same or key.revoked_us is not None:\n",
        "    if key is None or key.revoked_us is not None:\n",
        _API + "test_access.py::test_a_wrong_key_is_told_nothing",
    ),
    Mutation(
        "access: give roles that one does not hold",
        "api/routes/users.py",
        "        if not all(map(who.may, known[held.role])):\n",
        "        if False:\n",
        f"{_ROLE}[drone_leader]",
    ),
    Mutation(
        "access: change people of the brigade as an administrator",
        "api/routes/users.py",
        "    if not all(map(who.may, held)):\n",
        "    if False:\n",
        f"{_ROLE}[drone_leader]",
    ),
    Mutation(
        "access: export anybody's data to anybody",
        "api/routes/personal.py",
        "            who.require(SCOPE)\n",
        "",
        f"{_ROLE}[viewer]",
    ),
    Mutation(
        "access: acknowledge alarms outside one's group",
        "api/routes/alarms.py",
        "        who.require_on(ACKNOWLEDGE, _find(tx, who, alarm_id).asset_id)\n"
        "        tx.get(AlarmRepository).acknowledge(",
        "        tx.get(AlarmRepository).acknowledge(",
        f"{_ROLE}[light_operator (limited)]",
    ),
    Mutation(
        "access: sign in with the address a stranger wrote",
        "api/routes/single_sign_on.py",
        "    if user is None and provider.trusts_email and identity.email is not None:\n",
        "    if user is None and identity.email is not None:\n",
        _API + "test_single_sign_on.py::test_who_is_not_known_here_stays_out",
    ),
    Mutation(
        "access: keep a stream open for who may no more",
        "api/routes/stream.py",
        "                if not await asyncio.to_thread(self._stays):\n                    return\n",
        "",
        _API + "test_stream.py::test_who_may_no_more_follows_no_more",
    ),
    Mutation(
        "access: count anybody as at home everywhere when he lost his roles",
        "api/sessions.py",
        "session.tenant_id if held else NOWHERE",
        "session.tenant_id if held else None",
        f"{_ROLE}[nobody]",
    ),
    Mutation(
        "access: let any connector speak for a device that has one",
        "gateway/admission.py",
        "[m for m in memberships if _is_by(m, uplink)]",
        "list(memberships)",
        f"{_ADMISSION}test_nobody_else_does",
    ),
    Mutation(
        "access: let a connector speak on after the end",
        "gateway/admission.py",
        " and (membership.until_us is None or at_us < membership.until_us)",
        "",
        f"{_ADMISSION}test_what_was_measured_before_the_end_is_taken_later_and_nothing_newer",
    ),
    Mutation(
        "access: hear a device beside its connector",
        "gateway/admission.py",
        "        other = next((m for m in memberships if _covers(m, at_us, 0)), None)\n",
        "        other = None\n",
        f"{_ADMISSION}test_the_device_itself_is_not_heard_while_another_speaks_for_it",
    ),
    Mutation(
        "access: give members to a connector without the right to give logins",
        "api/device_credentials.py",
        "            self._may(asset)\n            if device_id is None:\n",
        "            if device_id is None:\n",
        _API + "test_memberships.py::test_it_needs_the_right_to_give_logins_of_the_members_kind",
    ),
    Mutation(
        "access: let every lamp be heard for others at the broker",
        "runtime/broker/nats_conf.py",
        "    if connector:\n",
        "    if True:\n",
        "tests/faults/test_connector_rights.py::test_a_connector_is_heard_for_others_below_its_own_topics_only[nats]",
    ),
    Mutation(
        "access: keep exact small counts",
        "gateway/decode.py",
        "        values = rounded_values(kind, exact)\n",
        "        values = exact\n",
        "tests/unit/application/privacy/test_small_counts.py::test_what_is_taken_in_is_the_same_for_all_counts_under_five",
    ),
    Mutation(
        "access: tell means over counts under five",
        "application/privacy/small_counts.py",
        'if aggregate in _OF_ALL and found["min"] < LEAST:',
        'if aggregate in _OF_ALL and found["max"] < LEAST:',
        "tests/unit/application/privacy/test_small_counts.py::test_no_range_or_aggregate_tells_counts_under_five_apart",
    ),
    Mutation(
        "access: take a code of an app twice",
        "application/access/second_factor.py",
        "        if same and step > newest and found is None:\n",
        "        if same and found is None:\n",
        _API + "test_second_factor.py::test_a_code_works_once",
    ),
    Mutation(
        "access: let a session that owes its second step do what its user may",
        "api/authentication.py",
        "    if found.owes is not None:\n        raise SecondFactorNeeded\n",
        "",
        _API + "test_second_factor.py::test_who_enrolled_one_is_asked_even_where_it_is_only_offered",
    ),
    Mutation(
        "access: let an administrator who reads drones change them",
        "application/access/actor.py",
        "    return f\"{kind}:{scope.partition(':')[2]}\" if kind in restricted else scope\n",
        "    return scope\n",
        _API + "test_restricted_registration.py::test_an_administrator_changes_no_drone",
    ),
    Mutation(
        "access: say which asset has a device",
        "application/inventory/asset_registrar.py",
        '            raise IdUnavailable("device_id")\n',
        '            raise IdUnavailable("device_id", past[0].asset_id if past else "")\n',
        _API + "test_oracles.py::test_a_device_of_others_reads_alike_where_one_is_bound",
    ),
)  # fmt: skip
