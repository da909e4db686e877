"""Which class implements which shared port."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from devices.ports.access import ApiKeys
from devices.ports.alarms import Alarms
from devices.ports.audit import Audit
from devices.ports.books import Changes, DeadLetters, Heartbeats, Lease, Ledger, Positions
from devices.ports.commands import Commands
from devices.ports.configs import DesiredConfigs
from devices.ports.credentials import Credentials, Refusals
from devices.ports.current import LatestValues, RuleStates
from devices.ports.inventory import Groups, Inventory
from devices.ports.loans import Loans
from devices.ports.login_pauses import LoginPauses
from devices.ports.memberships import Memberships
from devices.ports.notifications import Deliveries, NotificationMemory, NotificationRules, NotificationTargets
from devices.ports.people import Sessions, Users
from devices.ports.privacy import Deletions, Persons
from devices.ports.second_factors import SecondFactors
from devices.ports.tenants import Tenants
from storage.registry.alarms import SqlAlarms
from storage.registry.api_keys import SqlApiKeys
from storage.registry.audit import SqlAudit
from storage.registry.changes import SqlChanges
from storage.registry.commands import SqlCommands
from storage.registry.configs import SqlDesiredConfigs
from storage.registry.credentials import SqlCredentials
from storage.registry.dead_letters import SqlDeadLetters
from storage.registry.deletions import SqlDeletions
from storage.registry.deliveries import SqlDeliveries
from storage.registry.groups import SqlGroups
from storage.registry.heartbeats import SqlHeartbeats
from storage.registry.inventory import SqlInventory
from storage.registry.kinds import Repository
from storage.registry.latest import SqlLatestValues
from storage.registry.lease import SqlLease
from storage.registry.ledger import SqlLedger
from storage.registry.loans import SqlLoans
from storage.registry.login_pauses import SqlLoginPauses
from storage.registry.memberships import SqlMemberships
from storage.registry.notification_memory import SqlNotificationMemory
from storage.registry.notifications import SqlNotificationRules, SqlNotificationTargets
from storage.registry.persons import SqlPersons
from storage.registry.positions import SqlPositions
from storage.registry.refusals import SqlRefusals
from storage.registry.rule_states import SqlRuleStates
from storage.registry.second_factors import SqlSecondFactors
from storage.registry.sessions import SqlSessions
from storage.registry.tenants import SqlTenants
from storage.registry.users import SqlUsers

ADAPTERS: Final[Mapping[type, Repository]] = MappingProxyType(
    {
        Alarms: SqlAlarms,
        ApiKeys: SqlApiKeys,
        Audit: SqlAudit,
        Changes: SqlChanges,
        Commands: SqlCommands,
        Credentials: SqlCredentials,
        DeadLetters: SqlDeadLetters,
        Deletions: SqlDeletions,
        Deliveries: SqlDeliveries,
        DesiredConfigs: SqlDesiredConfigs,
        Groups: SqlGroups,
        Heartbeats: SqlHeartbeats,
        Inventory: SqlInventory,
        LatestValues: SqlLatestValues,
        LoginPauses: SqlLoginPauses,
        Lease: SqlLease,
        Ledger: SqlLedger,
        NotificationMemory: SqlNotificationMemory,
        NotificationRules: SqlNotificationRules,
        NotificationTargets: SqlNotificationTargets,
        Loans: SqlLoans,
        Memberships: SqlMemberships,
        Persons: SqlPersons,
        Positions: SqlPositions,
        Refusals: SqlRefusals,
        RuleStates: SqlRuleStates,
        SecondFactors: SqlSecondFactors,
        Sessions: SqlSessions,
        Tenants: SqlTenants,
        Users: SqlUsers,
    }
)
