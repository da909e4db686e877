"""Devices that speak MQTT like real ones: demo, load, faults and ground truth at once."""
