"""Adapters of the ports: InfluxDB 2, SQLite, SQLAlchemy, journals."""
