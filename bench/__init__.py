"""How fast it is, against a real Apache Kafka on this machine: `python -m bench`."""
