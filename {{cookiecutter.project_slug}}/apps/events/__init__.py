"""Events that reach every browser on every worker process, and are kept for those who were away."""
