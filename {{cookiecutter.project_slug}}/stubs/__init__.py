"""The upstream services, simulated: for development, the demo and tests; never in production."""
