"""Sources: foreign shapes become events, by a mapping in one YAML file."""
