"""The embedded broker: a nats-server of our own; and settings that make other brokers safe for us."""
