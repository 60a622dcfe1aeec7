"""What a sensor is and who may publish: kinds, models, registry, credentials, simulator."""
