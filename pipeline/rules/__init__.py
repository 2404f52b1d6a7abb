"""Rules: YAML in, compiled rules and the episodes of each key out."""
