"""Figures: how the benchmarks measure and what they print, an object a line."""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Runner = Callable[[], object]


def measure(runners: Mapping[str, Runner], rounds: int) -> dict[str, float]:
    """Median seconds by name, of interleaved rounds; a round first, not counted, opens the connections."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for number in range(rounds + 1):
        for name, run in runners.items():
            start = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def compare(name: str, size: int | None, against: str, ours: float, theirs: float, **more: Any) -> dict[str, Any]:
    """A line of the results. ``size`` is None where it is not of so many machines. ``load`` is the machine's load
    average while it was measured."""
    return {
        "name": name,
        **({} if size is None else {"size": size}),
        "against": against,
        "ours_s": round(ours, 3),
        "theirs_s": round(theirs, 3),
        "ratio": round(ours / theirs, 3),
        **more,
        "load": round(os.getloadavg()[0], 2),
    }


def show(line: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(line), flush=True)
        return
    words = [f"{line['name']}, {line['size']} machines:"] if "size" in line else [f"{line['name']}:"]
    if "against" in line:
        words.append(f"ours {line['ours_s']:.2f} s, {line['against']} {line['theirs_s']:.2f} s ({line['ratio']:.2f})")
    known = ("name", "size", "against", "ours_s", "theirs_s", "ratio", "load")
    words += [f"{key} {value}" for key, value in line.items() if key not in known]
    print(" ".join(words), flush=True)


def fit_growth(seconds: Mapping[int, float]) -> float:
    """The exponent of seconds = a × size^b, by least squares over the logarithms: 1 is linear growth."""
    points = [(math.log(size), math.log(value)) for size, value in seconds.items()]
    return slope(points)


def slope(points: Sequence[tuple[float, float]]) -> float:
    middle_x, middle_y = (statistics.fmean(axis) for axis in zip(*points, strict=True))
    over = sum((x - middle_x) * (y - middle_y) for x, y in points)
    return over / sum((x - middle_x) ** 2 for x, _ in points)


def show_rate(name: str, against: str, ours: float, theirs: float, *, is_time: bool, as_json: bool) -> None:
    """How good ours is against theirs: the ratio grows with what grows a rate, and shrinks a time."""
    line = {
        "name": name,
        "against": against,
        "ours": _shorten(ours),
        "theirs": _shorten(theirs),
        "ratio": round(theirs / ours if is_time else ours / theirs, 3),
        "load": round(os.getloadavg()[0], 2),
    }
    words = f"{name}: ours {line['ours']:,}, {against} {line['theirs']:,} ({line['ratio']:.2f})"
    print(json.dumps(line) if as_json else words, flush=True)


def _shorten(value: float) -> float:
    """Four digits that say something."""
    return float(f"{value:.4g}")
