"""Faust apps for agents: committed records only, no web server of its own, no files left behind."""

from __future__ import annotations

import tempfile
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

from pipeline.engine.connection import Connection


class _Thread(driver.AIOKafkaConsumerThread):
    mundane_level = "debug"

    def _create_worker_consumer(self, transport: Any) -> Any:
        # Faust reads committed records only in its exactly-once mode, which is not for us. The level is
        # handed on when the consumer starts.
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer


class _Consumer(driver.Consumer):
    mundane_level = "debug"

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Transport(driver.Transport):
    Consumer = _Consumer


def credentials(connection: Connection) -> Any:
    """What Faust wants as `broker_credentials`; None for PLAINTEXT."""
    context = connection.ssl_context()
    if connection.uses_sasl:
        return faust.SASLCredentials(
            username=connection.sasl_username,
            password=connection.sasl_password,
            mechanism=connection.sasl_mechanism,
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


def faust_app(connection: Connection, group: str) -> faust.App:
    """An app whose agents get what is committed on our topics, from the first record there is.

    group: its consumer group; apps with the same one share the partitions.

    An agent that raises loses what it holds: Faust acknowledges in `finally`. Let nothing escape.
    """
    app = faust.App(
        group,
        broker=";".join(f"aiokafka://{server}" for server in connection.servers),
        broker_credentials=credentials(connection),
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=20.0,
        broker_max_poll_records=500,
        consumer_auto_offset_reset="earliest",
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        # Made even if nothing is kept in it.
        datadir=tempfile.gettempdir(),
        web_enabled=False,
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        # Not its business: the process has its own logging.
        logging_config=None,
        worker_redirect_stdouts=False,
    )
    app.transport = _Transport(app.conf.broker_consumer, app)
    return app
