"""What a step costs: seconds, CPU and git traffic, as medians of interleaved rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bench.setting.process import read_own_cpu
from bench.setting.traffic import Relay, Traffic


@dataclass(frozen=True)
class Cost:
    """``cpu`` in seconds, of all that was started and seen to end too."""

    seconds: float
    cpu: float
    traffic: Traffic


Step = Callable[[], Awaitable[None]]


def spend_nothing() -> float:
    return 0.0


async def measure(
    steps: Mapping[str, Step], rounds: int, relay: Relay, read_other_cpu: Callable[[], float] = spend_nothing
) -> dict[str, Cost]:
    """The medians; a round first is not counted. ``read_other_cpu`` are seconds of a process that is none of ours and
    works for us."""
    costs: dict[str, list[Cost]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            cost = await measure_one(step, relay, read_other_cpu)
            if number:
                costs[name].append(cost)
    return {name: find_middle(found) for name, found in costs.items()}


async def measure_one(step: Step, relay: Relay, read_other_cpu: Callable[[], float]) -> Cost:
    traffic, cpu, begun = relay.read(), read_own_cpu() + read_other_cpu(), time.perf_counter()
    await step()
    seconds, spent = time.perf_counter() - begun, read_own_cpu() + read_other_cpu() - cpu
    return Cost(seconds, spent, relay.read() - traffic)


def find_middle(costs: list[Cost]) -> Cost:
    def find(read: Callable[[Cost], float]) -> float:
        return statistics.median(read(cost) for cost in costs)

    traffic = Traffic(int(find(lambda cost: cost.traffic.requests)), int(find(lambda cost: cost.traffic.bytes)))
    return Cost(find(lambda cost: cost.seconds), find(lambda cost: cost.cpu), traffic)
