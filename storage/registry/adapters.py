"""Which class implements which shared port."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from application.ports.alarms import AlarmRepository
from application.ports.api_keys import ApiKeys
from application.ports.audit import AuditLog
from application.ports.changes import ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.credentials import CredentialRepository, LoginRefusals
from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetters
from application.ports.desired_configs import DesiredConfigs
from application.ports.gateway_lease import GatewayLease
from application.ports.heartbeats import HeartbeatRepository
from application.ports.inventory import AssetRepository, GroupRepository
from application.ports.job_runs import JobRuns
from application.ports.latest_values import LatestValues, RuleStates
from application.ports.loans import LoanRepository
from application.ports.memberships import MembershipRepository
from application.ports.message_ledger import MessageLedger
from application.ports.notifications import DeliveryQueue, NotificationMemory, NotificationRules, NotificationTargets
from application.ports.quota_pauses import QuotaPauses
from application.ports.retention import DeletionLog, PersonIndex
from application.ports.second_factors import SecondFactors
from application.ports.tenants import TenantRepository
from application.ports.users import SessionRepository, UserRepository
from storage.registry.alarms import SqlAlarmRepository
from storage.registry.api_keys import SqlApiKeys
from storage.registry.audit import SqlAuditLog
from storage.registry.changes import SqlChangeFeed
from storage.registry.commands import SqlCommandRepository
from storage.registry.configs import SqlDesiredConfigs
from storage.registry.credentials import SqlCredentialRepository
from storage.registry.cursor_positions import SqlCursorPositions
from storage.registry.dead_letters import SqlDeadLetters
from storage.registry.deletion_log import SqlDeletionLog
from storage.registry.deliveries import SqlDeliveryQueue
from storage.registry.gateway_lease import SqlGatewayLease
from storage.registry.groups import SqlGroupRepository
from storage.registry.heartbeats import SqlHeartbeatRepository
from storage.registry.inventory import SqlAssetRepository
from storage.registry.job_runs import SqlJobRuns
from storage.registry.kinds import Repository
from storage.registry.latest import SqlLatestValues
from storage.registry.ledger import SqlMessageLedger
from storage.registry.loans import SqlLoanRepository
from storage.registry.memberships import SqlMembershipRepository
from storage.registry.notification_memory import SqlNotificationMemory
from storage.registry.notifications import SqlNotificationRules, SqlNotificationTargets
from storage.registry.person_pseudonyms import SqlPersonIndex
from storage.registry.quota_pauses import SqlQuotaPauses
from storage.registry.refusals import SqlLoginRefusals
from storage.registry.rule_states import SqlRuleStates
from storage.registry.second_factors import SqlSecondFactors
from storage.registry.sessions import SqlSessionRepository
from storage.registry.tenants import SqlTenantRepository
from storage.registry.users import SqlUserRepository

ADAPTERS: Final[Mapping[type, Repository]] = MappingProxyType(
    {
        AlarmRepository: SqlAlarmRepository,
        ApiKeys: SqlApiKeys,
        AuditLog: SqlAuditLog,
        ChangeFeed: SqlChangeFeed,
        CommandRepository: SqlCommandRepository,
        CredentialRepository: SqlCredentialRepository,
        DeadLetters: SqlDeadLetters,
        DeletionLog: SqlDeletionLog,
        DeliveryQueue: SqlDeliveryQueue,
        DesiredConfigs: SqlDesiredConfigs,
        GroupRepository: SqlGroupRepository,
        HeartbeatRepository: SqlHeartbeatRepository,
        AssetRepository: SqlAssetRepository,
        JobRuns: SqlJobRuns,
        LatestValues: SqlLatestValues,
        QuotaPauses: SqlQuotaPauses,
        GatewayLease: SqlGatewayLease,
        MessageLedger: SqlMessageLedger,
        NotificationMemory: SqlNotificationMemory,
        NotificationRules: SqlNotificationRules,
        NotificationTargets: SqlNotificationTargets,
        LoanRepository: SqlLoanRepository,
        MembershipRepository: SqlMembershipRepository,
        PersonIndex: SqlPersonIndex,
        CursorPositions: SqlCursorPositions,
        LoginRefusals: SqlLoginRefusals,
        RuleStates: SqlRuleStates,
        SecondFactors: SqlSecondFactors,
        SessionRepository: SqlSessionRepository,
        TenantRepository: SqlTenantRepository,
        UserRepository: SqlUserRepository,
    }
)
