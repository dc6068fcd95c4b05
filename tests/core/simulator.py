"""The life of a message on one directed link, one message at a time.

The tests hold the product to it. It is written from the design alone, imports nothing of the
package, and has a message for an object and a fraction for a capacity, so that nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import nan
from typing import NamedTuple


class Verdict(NamedTuple):
    """What befell the link in one round."""

    sender_alive: bool
    receiver_alive: bool
    up: bool  # stage 2: the sender's node is up
    rejected: bool  # stage 3: lost by chance before the queue
    capacity: Fraction  # stage 4: messages that the link can carry now, 0 without a turn
    lost: bool  # stage 5: all that leaves in this round is lost on the air
    delay: int  # stage 6
    in_order: bool  # stage 6
    expiry: int | None  # a message older than so many rounds is lost
    hears: bool  # stage 7, judged in the round of arrival


class Waiting(NamedTuple):
    """The link's queue."""

    length: int  # most messages that wait, the one being carried among them
    drop: str  # "tail" or "newest_first"
    max_wait: int | None  # most rounds that a message waits; None: as long as it takes


class Round(NamedTuple):
    """What one round brought."""

    made: bool  # a live sender made a message for a live receiver
    arrivals: list[int]  # rounds in which the messages were made that were received in this one
    newest: int  # the newest message ever received, -1 for none
    waiting: list[int]
    under_way: list[int]  # without those that are lost
    left: list[int]  # what is transmitted now, whether or not it is lost on the air


@dataclass(slots=True, eq=False)
class Message:
    """A message; its due round is known when it has left."""

    made: int
    due: int = -1

    def age(self, now):
        """Returns the rounds since the message was made."""
        return now - self.made


class Credit:
    """Stage 4 of a link without a queue: who finds no credit is lost."""

    def __init__(self):
        self.credit = Fraction(0)
        self.messages: list[Message] = []  # nothing ever waits

    def serve(self, now, verdict, message):
        """Returns the messages that leave in this round."""
        if verdict.rejected:
            raise ValueError("nothing stands before a queue where there is no queue")
        self.credit += verdict.capacity
        leaving = []
        if message is not None and self.credit >= 1 and verdict.capacity > 0:
            self.credit -= 1
            leaving.append(message)
        self.credit = min(self.credit, Fraction(1))
        return leaving


class Queue:
    """Stages 3 and 4 of a link with a queue; the head is the message being carried."""

    def __init__(self, kind):
        self.kind = kind
        self.messages: list[Message] = []
        self.progress = Fraction(0)  # how much of the head has been carried

    def serve(self, now, verdict, message):
        """Returns the messages that leave in this round."""
        if not verdict.sender_alive:
            self.messages = []
        if message is not None and not verdict.rejected:
            self.enter(message)
        whole = 0
        if verdict.up:
            self.progress += verdict.capacity
            whole = min(int(self.progress), len(self.messages))
            self.progress -= whole
        leaving, self.messages = self.messages[:whole], self.messages[whole:]
        limits = [limit for limit in (self.kind.max_wait, verdict.expiry) if limit is not None]
        if limits:  # what reaches a limit may not leave in the next round
            self.messages = [one for one in self.messages if one.age(now) < min(limits)]
        if not self.messages:
            self.progress = Fraction(0)
        return leaving

    def enter(self, message):
        """Takes a newcomer in where there is a place for it."""
        if self.kind.drop == "newest_first" and self.kind.length >= 2:
            carried = self.messages[:1] if self.progress > 0 else []
            self.messages = [*carried, message]
        elif len(self.messages) < self.kind.length:
            self.messages.append(message)


class Way:
    """Stages 5 to 7: what has left, and when it arrives."""

    def __init__(self):
        self.messages: list[Message] = []  # in the order in which they were made
        self.until = -1  # latest due round of what was sent in order

    def send(self, now, verdict, leaving):
        """Takes what leaves in this round, unless it is lost on the air or would expire."""
        if verdict.lost:
            return
        for message in leaving:
            message.due = now + verdict.delay
            if verdict.in_order:
                message.due = max(message.due, self.until)
            if verdict.expiry is not None and message.age(message.due) > verdict.expiry:
                continue
            if verdict.in_order:
                self.until = message.due
            self.messages.append(message)

    def arrive(self, now, verdict):
        """Takes what is due off the way, and returns what of it is received."""
        if not self.messages:
            return []
        due = [message.made for message in self.messages if message.due == now]
        self.messages = [message for message in self.messages if message.due != now]
        return due if verdict.hears and verdict.receiver_alive else []


def simulate(verdicts, queue):
    """Returns what each round brings on a link that begins empty in round 0."""
    server = Credit() if queue is None else Queue(queue)
    way = Way()
    newest = -1
    rounds = []
    for now, verdict in enumerate(verdicts):
        made = verdict.sender_alive and verdict.receiver_alive
        message = Message(now) if made and verdict.up else None
        leaving = server.serve(now, verdict, message)
        left = [one.made for one in leaving]
        way.send(now, verdict, leaving)
        arrivals = way.arrive(now, verdict)
        newest = max(newest, *arrivals) if arrivals else newest
        waiting = [one.made for one in server.messages]
        under_way = [one.made for one in way.messages]
        rounds.append(Round(made, arrivals, newest, waiting, under_way, left))
    return rounds


class Numbers(NamedTuple):
    """The four numbers of a link; NaN where there is nothing to count."""

    age: float
    delivery_ratio: float
    news: float
    overtaken: float


def four_numbers(rounds, verdicts):
    """Returns mean age, delivery ratio, news and share of overtaken arrivals of one link."""
    ages, arrived, grown, news, settled, known = [], 0, 0, 0, 0, -1
    for now, (one, verdict) in enumerate(zip(rounds, verdicts, strict=True)):
        grows = one.newest > known
        known = one.newest
        arrived += len(one.arrivals)
        grown += grows
        settled += one.made
        if verdict.sender_alive and verdict.receiver_alive:
            ages.append(now - one.newest)
            news += grows
    if rounds:
        settled -= len(rounds[-1].waiting) + len(rounds[-1].under_way)
    return Numbers(
        share(sum(ages), len(ages)),
        share(arrived, settled),
        share(news, len(ages)),
        share(arrived - grown, arrived),
    )


def share(count, whole):
    """Returns the share that `count` has in `whole`, NaN of nothing."""
    return count / whole if whole else nan
