"""Tokens of an exchange: what a reply states of them, and which of it can be believed.

One statement is taken as it is, and one of no tokens beside others says nothing. Of several, those that fall, or that
follow the text as what was added rather than as the count so far, are what each chunk adds, and their sum is right if it
is plausible for the text; of counts so far the last is right, unless only their sum is plausible. Where the last is the sum
of the others, it is the total. What cannot be right gives no figure.
"""

from dataclasses import dataclass

from reply import Reply, choices, texts


@dataclass
class Usage:
    prompt: float
    completion: float
    total: float
    cached: float | None
    reasoning: float | None
    rejected: float | None

    @property
    def generated(self) -> float:
        """All tokens generated: reasoning may be billed beside the completion."""
        thought = self.reasoning or 0.0
        beside = thought > 0 and abs(self.total - self.prompt - self.completion - thought) < 0.5
        return self.completion + thought if beside else self.completion


@dataclass
class Tokens:
    source: str  # usage or events
    prompt: float
    completion: float
    cached: float
    delivered: float
    reasoning: float


def number(holder: object, *path: str) -> float | None:
    for name in path:
        holder = holder.get(name) if isinstance(holder, dict) else None
    is_number = isinstance(holder, (int, float)) and not isinstance(holder, bool)
    return float(holder) if is_number else None


def stated(chunk: object) -> Usage | None:
    """What a chunk or a body states, where all three counts are there."""
    usage = chunk.get("usage") if isinstance(chunk, dict) else None
    counts = [number(usage, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
    if None in counts:
        return None
    details = "completion_tokens_details"
    cached = number(usage, "prompt_tokens_details", "cached_tokens")
    rejected = number(usage, details, "rejected_prediction_tokens")
    return Usage(*counts, cached, number(usage, details, "reasoning_tokens"), rejected)


def added(parts: list[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def summed(usages: list[Usage]) -> Usage:
    """Statements that each say what was added; the prompt is the same in all."""
    prompt = max(usage.prompt for usage in usages)
    completion = sum(usage.completion for usage in usages)
    cached = max((usage.cached for usage in usages if usage.cached is not None), default=None)
    reasoning, rejected = added([usage.reasoning for usage in usages]), added([usage.rejected for usage in usages])
    return Usage(prompt, completion, prompt + completion, cached, reasoning, rejected)


def adds_up(reply: Reply) -> bool:
    """Whether counts follow the text between them as what was added, more than as the count so far."""
    statements, since, begun = [], 0, False
    for _, chunk in reply.chunks:
        deltas = [piece["delta"] for piece in choices(chunk) if isinstance(piece.get("delta"), dict)]
        since += sum(len(text) for delta in deltas for text in texts(delta))
        begun = begun or since > 0
        if (usage := stated(chunk)) and begun and usage.completion > 0:
            statements.append((usage.completion, since))
            since = 0
    text = sum(length for _, length in statements)
    if len(statements) < 2 or not text:
        return False
    whole, last = sum(count for count, _ in statements), statements[-1][0]
    before = [0.0] + [count for count, _ in statements]
    added = sum(abs(count / whole - length / text) for count, length in statements)
    so_far = sum(abs((count - old) / last - length / text) for (count, length), old in zip(statements, before))
    return added < so_far


def resolved(reply: Reply) -> Usage | str | None:
    """The usage to go on with; `contradiction` where statements cannot be right, none where there is none."""
    every, behind, begun = [], [], reply.kind == "whole"
    for _, chunk in reply.chunks:
        begun = begun or any(len(text) for piece in choices(chunk) for text in texts(piece.get("delta") or {}))
        if usage := stated(chunk):
            every.append(usage)
            if begun:
                behind.append(usage)
    # What is stated before any text came is a preview, and counts where nothing else does.
    usages = [usage for usage in behind if usage.completion > 0]
    if len(usages) < 2:
        previews = [usage for usage in every if usage.completion > 0]
        return (usages or previews[-1:] or every[-1:] or [None])[-1]
    last, whole = usages[-1], summed(behind)
    thought = every[-1].reasoning or 0.0
    events, characters = len(reply.marks), sum(mark.characters for mark in reply.marks) + thought

    def plausible(usage: Usage) -> bool:
        return events * 0.9 <= usage.generated <= max(characters, events) * 2 + 64

    falls = any(after.completion < before.completion for before, after in zip(usages, usages[1:]))
    is_total = len(usages) > 2 and abs(whole.completion - 2 * last.completion) < 0.5
    if is_total and plausible(last):
        return last
    if falls or adds_up(reply):
        if plausible(whole):
            return whole
        return "contradiction" if falls or not plausible(last) else last
    return whole if plausible(whole) and not plausible(last) else last


def tokens(reply: Reply) -> Tokens | str | None:
    """The tokens of an exchange; `contradiction` where nothing can be said though something is stated."""
    usage = resolved(reply)
    if usage is None:
        count = float(len(reply.marks))
        return Tokens("events", 0.0, count, 0.0, count, 0.0) if reply.kind == "stream" else None
    if isinstance(usage, str):
        return usage
    thought = usage.reasoning or 0.0
    hidden = 0.0 if reply.shows_reasoning else thought
    delivered = max(usage.generated - hidden - (usage.rejected or 0.0), 0.0)
    return Tokens("usage", usage.prompt, usage.generated, usage.cached or 0.0, delivered, thought)
