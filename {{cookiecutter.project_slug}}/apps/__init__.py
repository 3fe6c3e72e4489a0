"""What this service does, an app each. An app knows another only through its `services`."""
