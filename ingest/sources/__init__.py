"""Sources hand over messages and take back acknowledgements; nothing behind them knows MQTT."""
