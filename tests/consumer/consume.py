"""A consumer of the topic that owes nothing to Rollcall: reads events with Confluent's client, has the
CloudEvents SDK take them as its Kafka binding says, in binary mode, and prints each as a line of JSON.

usage: consume.py BROKERS TOPIC COUNT SECONDS
"""

import json
import sys
import time

from cloudevents.kafka import KafkaMessage, from_binary
from confluent_kafka import Consumer


def main() -> int:
    brokers, topic, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "somebody-else",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    deadline = time.monotonic() + seconds
    while count > 0 and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            print(message.error(), file=sys.stderr)
            continue
        headers = message.headers() or []
        names = [name for name, _ in headers]
        if len(names) != len(set(names)):
            raise ValueError(f"a header comes twice: {names}")
        key = (message.key() or b"").decode()
        raw = KafkaMessage(headers=dict(headers), key=key, value=message.value())
        # It refuses what is no CloudEvent 1.0.
        event = from_binary(raw, data_unmarshaller=json.loads)
        line = {
            "partition": message.partition(),
            "offset": message.offset(),
            "key": key,
            "headers": {name: value.decode() for name, value in headers},
            "attributes": dict(event.get_attributes()),
            "data": event.get_data(),
        }
        print(json.dumps(line), flush=True)
        count -= 1
    consumer.close()
    return 0 if count == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
