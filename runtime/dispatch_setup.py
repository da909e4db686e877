"""The loops that send: commands and retained configurations, each with a publisher of its own."""

import time
from collections.abc import Callable, Mapping

from application.ports.registry import Registry
from devices.kind_catalog import KindCatalog
from gateway.dispatch.command_dispatcher import CommandDispatcher
from gateway.dispatch.config_publisher import ConfigPublisher
from gateway.dispatch.member_release import MemberRelease
from gateway.dispatch.signs_of_life import SignsOfLife
from gateway.mqtt.connection import MqttConnection
from gateway.mqtt.downlink_publisher import DownlinkPublisher


def dispatch_loops(
    registry: Registry, catalog: KindCatalog, connection: MqttConnection, root: str, signs: SignsOfLife
) -> Mapping[str, Callable[[], object]]:
    """Steps by the name of their loop."""
    dispatcher = CommandDispatcher(registry, catalog, DownlinkPublisher(connection), root=root, signs=signs.listener())
    configs = ConfigPublisher(registry, DownlinkPublisher(connection), root=root, signs=signs.listener())
    releasing = MemberRelease(registry, DownlinkPublisher(connection), root=root)
    return {
        "dispatcher": lambda: dispatcher.dispatch_due(time.time_ns() // 1000),
        "configurations": lambda: configs.publish_due(time.time_ns() // 1000),
        "memberships": lambda: releasing.publish_due(time.time_ns() // 1000),
    }
