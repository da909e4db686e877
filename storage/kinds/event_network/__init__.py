"""Events of the town and capacity tests in the registry."""

from collections.abc import Mapping

from application.kinds.event_network.ports import EventRepository, RecentLinks
from storage.kinds.event_network.event_repository import SqlEventRepository
from storage.kinds.event_network.recent_links import SqlRecentLinks
from storage.kinds.event_network.tables import EVENTS
from storage.registry.kinds import Repository
from storage.registry.retention_classes import DataClass

REPOSITORIES: Mapping[type, Repository] = {EventRepository: SqlEventRepository, RecentLinks: SqlRecentLinks}
RETAINED: Mapping[str, DataClass] = {
    "events": DataClass(EVENTS.c.service_from_us, EVENTS.c.teardown_to_us, "event_network")
}
