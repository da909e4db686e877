"""MQTT in and out: connections, journal feeding, the two cursors, the command dispatcher."""
