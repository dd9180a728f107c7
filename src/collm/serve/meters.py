"""What a server counts, in the text format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from collm.serve.spoken import Outcome

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Meters:
    """The counters of one server; labels are only names that it knows itself."""

    def __init__(self) -> None:
        self._all = CollectorRegistry()
        self._requests = Counter("collm_requests", "HTTP requests", ["status"], registry=self._all)
        self._answers = Counter("collm_answers", "Answers begun", ["model", "end"], registry=self._all)
        self._tokens = Counter("collm_tokens", "Tokens", ["agent", "kind"], registry=self._all)
        self._seconds = Histogram(
            "collm_answer_seconds", "Time of an answer", ["model"], registry=self._all, buckets=_SECONDS
        )
        self._busy = Gauge("collm_answers_in_progress", "Answers in progress", registry=self._all)
        self._up = Gauge("collm_agent_up", "Whether an agent answers", ["agent"], registry=self._all)

    def requested(self, status: int) -> None:
        self._requests.labels(str(status)).inc()

    def began(self) -> None:
        self._busy.inc()

    def ended(self, model: str, end: str, seconds: float) -> None:
        """An answer is over: ``end`` is its finish reason, ``refused``, ``failed`` or ``cancelled``."""
        self._busy.dec()
        self._answers.labels(model, end).inc()
        self._seconds.labels(model).observe(seconds)

    def spent(self, outcome: Outcome) -> None:
        """Count the tokens of an answer."""
        for agent, count in outcome.prompt_tokens.items():
            self._tokens.labels(agent, "prompt").inc(count)
        for agent, count in outcome.completion_tokens.items():
            self._tokens.labels(agent, "completion").inc(count)

    def checked(self, agent: str, up: bool) -> None:
        self._up.labels(agent).set(float(up))

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._all)
