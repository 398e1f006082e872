"""The same streams as vLLM's bench serve and as AIPerf measure them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from book import Book
from journal import Exchange, Run
from measures import Populations, compare_statistics
from reply import choices, filled, is_visible, reasoning
from times import Times
from usage import stated

FIGURES = ("first_token", "per_token", "gap", "latency")


@dataclass
class Tool:
    """What a tool measures of the streams that ended ok."""

    first_token: Times = field(default_factory=Times)
    per_token: Times = field(default_factory=Times)
    gap: Times = field(default_factory=Times)
    latency: Times = field(default_factory=Times)
    begin: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    prompt: float = 0.0
    output: float = 0.0

    @property
    def span_s(self) -> float | None:
        return (max(self.end) - min(self.begin)) / 1e6 if self.begin and max(self.end) > min(self.begin) else None

    def per_second(self, count: float) -> float | None:
        return count / self.span_s if self.span_s else None


def is_token(name: str, delta: dict) -> bool:
    """Whether a tool takes a chunk for a token, by the delta of its first choice."""
    if name == "aiperf":
        return is_visible(delta) or bool(reasoning(delta))
    called = isinstance(delta.get("tool_calls"), list) and delta["tool_calls"]
    blank = delta.get("content") == "" and "role" not in delta
    text = filled(delta, "content") or filled(delta, "reasoning")
    return bool(text or called or isinstance(delta.get("function_call"), dict) or blank)


def chunks(name: str, one: Exchange) -> Iterator[int]:
    """When the chunks came that a tool takes for tokens."""
    for at, chunk in one.reply.chunks:
        first = next(iter(choices(chunk)), {})
        delta = first.get("delta")
        if isinstance(delta, dict) and is_token(name, delta):
            yield at


def measured(name: str, run: Run) -> Tool:
    tool = Tool()
    for one in run.measured:
        if name == "vllm" and one.sent is not None:
            # It waits for every request, failed ones included.
            tool.begin.append(one.sent)
            tool.end.append(one.ended)
        came = list(chunks(name, one)) if one.ok and one.reply.kind == "stream" else []
        if not came:
            continue
        tool.first_token.between(one.sent, came[0])
        tool.latency.between(one.sent, came[-1])
        for before, after in zip(came, came[1:]):
            tool.gap.between(before, after)
        output = completion(one)
        if output >= 2:
            span = came[-1] - came[0]
            tool.per_token.add(int(max(span - 1, 0) / (output - 1)), int((span + 1) / (output - 1)))
        if name == "aiperf":
            tool.begin.append(one.sent)
            tool.end.append(came[-1])
        tool.prompt += one.tokens.prompt if one.tokens else 0.0
        tool.output += output
    return tool


def completion(one: Exchange) -> float:
    """The completion as it is stated last, whatever is billed beside it; else what was counted."""
    usages = [usage for _, chunk in one.reply.chunks if (usage := stated(chunk))]
    if usages:
        return usages[-1].completion
    return one.tokens.completion if one.tokens else 0.0


def compare_tools(book: Book, run: Run) -> None:
    for name in ("vllm", "aiperf"):
        ours, theirs = run.digest["metrics_as"][name], measured(name, run)
        for figure in FIGURES:
            found = Populations(ok=getattr(theirs, figure))
            compare_statistics(book, f"metrics_as.{name}.{figure}", ours[figure]["us"], found, "ok")
        rates = {
            "requests_per_s": theirs.per_second(len(theirs.latency)),
            "output_tokens_per_s": theirs.per_second(theirs.output),
            "total_tokens_per_s": theirs.per_second(theirs.prompt + theirs.output),
        }
        for rate, value in rates.items():
            book.same(f"metrics_as.{name}.{rate}", ours[rate], value)
