"""Telegraf: acknowledges when InfluxDB has confirmed the write (`max_undelivered_messages`)."""

from collections.abc import Mapping

from bench.process import Process
from bench.servers import BUCKET, ORG, TOKEN, built
from bench.stream import METRICS
from bench.subjects import World
from bench.view import InfluxView, View

CONFIG = """
[agent]
  omit_hostname = true
  quiet = true
  metric_batch_size = 5000
  metric_buffer_limit = 200000
  flush_interval = "200ms"

[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["sensors/+/up"]
  topic_tag = ""
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  max_undelivered_messages = 20000
  data_format = "json_v2"

  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "sensors/+/up"
    tags = "_/device/_"

  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "air"
    timestamp_path = "time"
    timestamp_format = "unix_ms"
{fields}
[[outputs.influxdb_v2]]
  urls = ["{url}"]
  token = "{token}"
  organization = "{org}"
  bucket = "{bucket}"
  content_encoding = "identity"
"""
"""Settings in Telegraf's favour: large batches, short waits, no compression."""

FIELD = """
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "{name}"
      type = "float"
"""


class Telegraf:
    name = "telegraf"

    def start(self, world: World) -> Process:
        config = world.folder / "telegraf.conf"
        config.write_text(
            CONFIG.format(
                port=world.mosquitto.port,
                url=world.influx.url,
                token=TOKEN,
                org=ORG,
                bucket=BUCKET,
                fields="".join(FIELD.format(name=name) for name in METRICS),
            ),
            encoding="utf-8",
        )
        return Process(
            self.name,
            [built("telegraf"), "--config", config],
            log=world.folder / "telegraf.log",
            folder=world.folder,
        )

    def view(self, world: World) -> View:
        return InfluxView(world.influx)

    def account(self, world: World) -> Mapping[str, int]:
        """Nothing: Telegraf keeps no account of messages."""
        del world
        return {}
