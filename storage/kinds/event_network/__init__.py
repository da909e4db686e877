"""Events of the town and capacity tests in the registry."""

from collections.abc import Mapping

from devices.event_network.ports import EventBook, RecentLinks
from storage.kinds.event_network.event_book import SqlEventBook
from storage.kinds.event_network.recent_links import SqlRecentLinks
from storage.registry.kinds import Repository

REPOSITORIES: Mapping[type, Repository] = {EventBook: SqlEventBook, RecentLinks: SqlRecentLinks}
