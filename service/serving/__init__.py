"""What every interface shares: limits, readiness, shutdown, metrics, problems, keys, feedback."""
