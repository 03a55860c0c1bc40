"""Redis, MQTT and in-process fan-out."""
