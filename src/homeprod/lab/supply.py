"""The images behind a lab's seeds: there from the cache, or being built while the lab already answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.cache import find_image
from homeprod.lab.image.outcome import Builder, ImageState
from homeprod.lab.process import ProcessMark, reap, spawn_module

_log = logging.getLogger(__name__)
_LOOK_EVERY = 0.2
Place = Callable[[str, Path], None]
Say = Callable[[str], None]


class ImageSupply:
    """Watches one builder for each recipe.

    The builder is a process of its own and is left alone by ``close``: the next lab on this folder finds it at work.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, LabError] = {}

    def start(self, recipes: Iterable[str], place: Place) -> None:
        """Begin to build what is not cached; ``place`` gets each recipe and its image when that is there.

        Raises LabError for an unknown recipe."""
        for recipe in dict.fromkeys(recipes):
            image = find_image(recipe)
            if image is not None:
                place(recipe, image)
            else:
                builder = Builder(self._state, recipe)
                start_builder(builder)
                self._watches[recipe] = asyncio.create_task(self._watch(builder, place))

    async def _watch(self, builder: Builder, place: Place) -> None:
        while (state := await asyncio.to_thread(builder.read)).kind == "building":
            await asyncio.sleep(_LOOK_EVERY)
        if (mark := ProcessMark.read(builder.mark_file)) is not None:
            reap(mark)
        try:
            _settle(state, place)
        except (LabError, OSError) as error:
            self._failures[builder.recipe] = error if isinstance(error, LabError) else LabError(str(error))
            _log.error("image %s: %s", builder.recipe, error)

    async def wait_for(self, recipe: str, say: Say) -> None:
        """Return when the image is in place; what its builder says meanwhile goes to ``say``.

        Raises LabError with the build's own error."""
        watch = self._watches.get(recipe)
        if watch is not None and not watch.done():
            say(f"waiting for the image {recipe}, which is being built")
            await self._follow(watch, Builder(self._state, recipe), say)
        if (failure := self._failures.get(recipe)) is not None:
            for line in failure.hint.splitlines():
                say(line)
            raise failure

    async def _follow(self, watch: asyncio.Task[None], builder: Builder, say: Say) -> None:
        last = ""
        while not watch.done():
            line = (builder.read_log() or [""])[-1]
            if line != last:
                say(f"{builder.recipe}: {line}")
                last = line
            await asyncio.wait([watch], timeout=_LOOK_EVERY)

    async def close(self) -> None:
        for watch in self._watches.values():
            watch.cancel()
        if self._watches:
            await asyncio.wait(self._watches.values())


def _settle(state: ImageState, place: Place) -> None:
    image = find_image(state.recipe)
    if image is None:
        raise state.error()
    place(state.recipe, image)
    _log.info("image %s is there", state.recipe)


def start_builder(builder: Builder) -> None:
    """Begin to build, unless a builder is at work already."""
    if builder.find() is not None:
        return
    builder.log.unlink(missing_ok=True)
    mark = spawn_module("homeprod.lab.image", (builder.recipe,), builder.log)
    # A process that ended at once has said why in its log.
    (mark or ProcessMark(0, 0, "")).write(builder.mark_file)


def end_builders(state: Path) -> None:
    """End the builders that the lab in this folder started; each cleans up after itself."""
    for file in state.glob("image-*.json"):
        mark = ProcessMark.read(file)
        if mark is not None:
            mark.end(_END_PATIENCE)
            reap(mark)
        file.unlink(missing_ok=True)


_END_PATIENCE = 40.0
"""Seconds. mmdebstrap has half a minute to unmount before its own parent kills it."""
