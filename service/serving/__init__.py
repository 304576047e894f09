"""What all interfaces share: limits, readiness, shutdown, metrics, problems, keys, feedback."""
