"""How to reach Kafka: the one place that turns settings into arguments of the clients."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Any

#: How long one request may take, ms.
REQUEST_TIMEOUT_MS = 40_000


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the brokers are, and how they want to be spoken to.

    bootstrap: `host:port`, several with commas between.
    security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
    sasl_mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; used with SASL_*.
    ssl_*: PEM files; without a CA file the system's authorities count.
    """

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None

    @property
    def servers(self) -> list[str]:
        """Each `host:port`."""
        return [server for part in self.bootstrap.split(",") if (server := part.strip())]

    @property
    def uses_ssl(self) -> bool:
        return self.security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")

    def ssl_context(self) -> ssl.SSLContext | None:
        """For SSL and SASL_SSL, else None. Raises OSError for a file that cannot be read."""
        if not self.uses_ssl:
            return None
        context = ssl.create_default_context(cafile=self.ssl_cafile)
        if self.ssl_certfile is not None:
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
        return context

    def why_unreachable(self, timeout_s: float) -> str | None:
        """Try each server in turn; what the last one answered if none lets us connect, else None. Blocks."""
        why = "no server is named"
        for server in self.servers:
            host, _, port = server.rpartition(":")
            try:
                with socket.create_connection((host.strip("[]"), int(port)), timeout_s):
                    return None
            except ValueError:
                why = f"{server} is no host:port"
            except OSError as error:
                why = error.strerror or str(error)
        return why

    def _common(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context(),
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if self.uses_sasl:
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return arguments

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments for aiokafka's consumer, producer and admin client."""
        return self._common()

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments for kafka-python's admin client."""
        return self._common()
