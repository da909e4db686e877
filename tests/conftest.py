"""What every test gets: the real servers, the leak checks, the settings of hypothesis."""

import os

from hypothesis import settings

pytest_plugins = [
    "tests.real_parts.fixtures",
    "tests.real_parts.influxdb",
    "tests.real_parts.leaks",
    "tests.real_parts.mosquitto",
    "tests.real_parts.nats",
    "tests.real_parts.openid",
    "tests.real_parts.postgres",
    "tests.real_parts.tools",
]

# No deadline: a busy machine is no bug. In CI the same examples every time, so that red means changed.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
