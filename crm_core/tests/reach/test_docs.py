"""The code in docs/webhooks.md is code: it compiles, and the Kafka sink works against a producer of its shape."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
import standardwebhooks
from crm_core.plugin import EventBatch, EventSink, SinkEvent
from crm_core.web.webhooks import headers, new_secret

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_every_block_compiles() -> None:
    for block in BLOCKS:
        compile(block, str(PAGE), "exec")


def test_receiver_of_the_docs_accepts_ours_and_refuses_others() -> None:
    space: dict[str, Any] = {}
    exec(BLOCKS[0], space)
    secret = new_secret()
    assert space["receive"](secret, headers([secret], "m", b"{}"), b"{}") == {}
    assert space["receive"](new_secret(), headers([secret], "m", b"{}"), b"{}") is None
    assert standardwebhooks


async def test_kafka_sink_has_at_most_30_lines_and_sends_in_order_with_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = [b for b in BLOCKS if "aiokafka" in b]
    lines = [x for x in block.splitlines() if x.strip() and not x.startswith(("#", '"""'))]
    assert len(lines) <= 30, len(lines)
    sent: list[tuple[str, bytes, bytes]] = []
    calls: list[str] = []

    class Producer:
        def __init__(self, **options: Any) -> None:
            assert options["acks"] == "all"

        async def start(self) -> None:
            calls.append("start")

        async def send(self, topic: str, value: bytes, key: bytes) -> None:
            sent.append((topic, value, key))

        async def flush(self) -> None:
            calls.append("flush")

        async def stop(self) -> None:
            calls.append("stop")

    fake: Any = ModuleType("aiokafka")
    fake.AIOKafkaProducer = Producer
    monkeypatch.setitem(sys.modules, "aiokafka", fake)
    space: dict[str, Any] = {}
    exec(block, space)
    [sink] = space["crm_event_sinks"]()
    assert isinstance(sink, EventSink)
    events = tuple(
        msgspec.convert(
            {"position": n, "id": f"01890000-0000-7000-8000-00000000000{n}", "type": "core.deal.updated",
             "at": "2026-01-01T00:00:00Z", "entity": "core.deal", "record_id": "01890000-0000-7000-8000-000000000009",
             "actor": "system:x", "cause": "01890000-0000-7000-8000-000000000008", "payload": {}, "about": []},
            SinkEvent,
        )
        for n in (1, 2)
    )  # fmt: skip
    await sink.send(EventBatch(events, None))  # type: ignore[arg-type]  # this sink asks the kernel for nothing
    assert [msgspec.json.decode(value)["position"] for _topic, value, _key in sent] == [1, 2]
    assert {key for _topic, _value, key in sent} == {b"core.deal:01890000-0000-7000-8000-000000000009"}
    assert calls == ["start", "flush", "stop"]
