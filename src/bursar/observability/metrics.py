"""How often has what happened in this process, in the text form that a scraper reads?

Source: Prometheus text exposition format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/ (read
2026-11-21).
"""

import re
import threading
from collections.abc import Sequence

import structlog

from bursar.domain.vocabulary import observe_unmapped
from bursar.observability.redaction import clean_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_SERIES = 1000
"""Label values that come from outside may be anything; beyond this many combinations they are counted as one."""
OVERFLOW = "(more)"
_MAX_LABEL_CHARACTERS = 64
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Counter:
    """A number per combination of label values that only grows; safe to use from any thread."""

    def __init__(self, name: str, description: str, labels: Sequence[str] = ()) -> None:
        if not all(_NAME.fullmatch(word) for word in (name, *labels)):
            raise ValueError(f"{name!r} and its labels must be lower snake case")
        self.name = name
        self.description = description
        self.labels = tuple(labels)
        self._values: dict[tuple[str, ...], int] = {}
        self._lock = threading.Lock()

    def add(self, amount: int = 1, /, **labels: str) -> None:
        """Count `amount` more for these label values.

        Raises:
            ValueError: the labels are not exactly those of the counter, or the amount is negative.
        """
        if amount < 0:
            raise ValueError("a counter only grows")
        key = self._key(labels)
        with self._lock:
            if key not in self._values and len(self._values) >= MAX_SERIES:
                key = (OVERFLOW,) * len(self.labels)
            self._values[key] = self._values.get(key, 0) + amount

    def value(self, **labels: str) -> int:
        """Return the count for these label values, 0 when there was none."""
        key = self._key(labels)
        with self._lock:
            return self._values.get(key, 0)

    def render(self) -> str:
        """Return the counter's lines, sorted by label values."""
        with self._lock:
            values = sorted(self._values.items())
        lines = [f"# HELP {self.name} {_escape(self.description)}", f"# TYPE {self.name} counter"]
        for key, value in values:
            pairs = ",".join(f'{label}="{_escape(text)}"' for label, text in zip(self.labels, key, strict=True))
            lines.append(f"{self.name}{{{pairs}}} {value}" if pairs else f"{self.name} {value}")
        return "\n".join(lines) + "\n"

    def _key(self, labels: dict[str, str]) -> tuple[str, ...]:
        if labels.keys() != set(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}")
        return tuple(clean_text(labels[label])[:_MAX_LABEL_CHARACTERS] for label in self.labels)


class Metrics:
    """The counters of one process. Tests make their own; the platform makes one at its start."""

    def __init__(self) -> None:
        self.unmapped_values = Counter(
            "unmapped_value_total", "Words of a source that a vocabulary does not know.", ("enum", "provider", "value")
        )
        self.rejected_records = Counter(
            "records_rejected_total", "Records that could not be read.", ("provider", "kind", "reason")
        )
        self.sync_runs = Counter("sync_runs_total", "Runs by how they ended.", ("status",))
        self.webhooks = Counter(
            "webhooks_received_total",
            "Deliveries by what became of them: taken, repeated, refused, unproven, not_configured.",
            ("provider", "outcome"),
        )
        self.http_requests = Counter(
            "http_requests_total", "Requests by route template and status.", ("method", "endpoint", "status")
        )

    def observe_vocabularies(self) -> None:
        """Count from now on every word that falls back, in any vocabulary; once per process."""
        observe_unmapped(self.count_unmapped)

    def count_unmapped(self, enum: str, value: str) -> None:
        """Count a word that a vocabulary did not know, for the provider of the log context (empty without one)."""
        provider = structlog.contextvars.get_contextvars().get("provider", "")
        self.unmapped_values.add(enum=enum, provider=str(provider), value=value.strip().lower())

    def render(self) -> str:
        """Return all counters as the body of a scrape; its media type is `CONTENT_TYPE`."""
        counters = (
            self.unmapped_values,
            self.rejected_records,
            self.sync_runs,
            self.webhooks,
            self.http_requests,
        )
        return "".join(counter.render() for counter in counters)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
