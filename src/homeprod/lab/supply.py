"""The images behind a lab's seeds: there from the cache, or being built or downloaded while the lab already
answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.image.outcome import Builder, ImageState
from homeprod.lab.image.pin import Pin
from homeprod.lab.image.source import Source, find_source, use_stand_ins
from homeprod.lab.process import ProcessMark, reap, spawn_module

_log = logging.getLogger(__name__)
_LOOK_EVERY = 0.2
Place = Callable[[Source, Path], None]
Say = Callable[[str], None]


class ImageSupply:
    """Watches one builder for each image.

    The builder is a process of its own and is left alone by ``close``: the next lab on this folder finds it at work.
    """

    def __init__(self, state: Path, name: str) -> None:
        """``state`` is the folder of the lab ``name``."""
        self._state = state
        self._name = name
        self._builders: dict[str, Builder] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, LabError] = {}

    def start(self, sources: Iterable[Source], place: Place) -> None:
        """Begin to bring what is not cached; ``place`` gets each source and its image when that is there.

        Raises LabError for an unknown recipe."""
        for source in sources:
            image = find_source(source)
            if image is not None:
                place(source, image)
            else:
                builder = self._builders[source.key] = Builder(self._state, source)
                start_builder(builder)
                self._watches[source.key] = asyncio.create_task(self._watch(builder, place))

    async def _watch(self, builder: Builder, place: Place) -> None:
        while (state := await asyncio.to_thread(builder.read)).kind == "building":
            await asyncio.sleep(_LOOK_EVERY)
        if (mark := ProcessMark.read(builder.mark_file)) is not None:
            reap(mark)
        try:
            _settle(state, place)
        except (LabError, OSError) as error:
            failure = error if isinstance(error, LabError) else LabError(str(error))
            self._failures[builder.source.key] = say_what_next(state.source, failure, self._name)
            _log.error("image %s: %s", state.name, error)

    async def wait_for(self, key: str, say: Say) -> None:
        """Return when the image is in place; what its builder says meanwhile goes to ``say``.

        Raises LabError with the builder's own error."""
        watch = self._watches.get(key)
        if watch is not None and not watch.done():
            builder = self._builders[key]
            being = "downloaded" if isinstance(builder.source, Pin) else "built"
            say(f"waiting for the image {builder.source.name}, which is being {being}")
            await self._follow(watch, builder, say)
        if (failure := self._failures.get(key)) is not None:
            for line in failure.hint.splitlines():
                say(line)
            raise failure

    async def _follow(self, watch: asyncio.Task[None], builder: Builder, say: Say) -> None:
        last = ""
        while not watch.done():
            line = (builder.read_log() or [""])[-1]
            if line != last:
                say(f"{builder.source.name}: {line}")
                last = line
            await asyncio.wait([watch], timeout=_LOOK_EVERY)

    async def close(self) -> None:
        for watch in self._watches.values():
            watch.cancel()
        if self._watches:
            await asyncio.wait(self._watches.values())


def _settle(state: ImageState, place: Place) -> None:
    image = find_source(state.source)
    if image is None:
        raise state.error()
    place(state.source, image)
    _log.info("image %s is there", state.name)


def say_what_next(source: Source, error: LabError, name: str) -> LabError:
    """The same error of an image, with the ways on from it in the lab ``name``."""
    retry = f"the lab is up all the same; try the image again:\n\n  homeprod lab up {name}"
    if isinstance(source, Pin):
        retry += f"\n\nor let a stand-in take its place:\n\n{use_stand_ins(name)}"
    return LabError(error.message, where=error.where, hint=f"{error.hint}\n{retry}".strip())


def start_builder(builder: Builder) -> None:
    """Begin to build, unless a builder is at work already."""
    if builder.find() is not None:
        return
    builder.log.unlink(missing_ok=True)
    mark = spawn_module("homeprod.lab.image", builder.make_arguments(), builder.log)
    # A process that ended at once has said why in its log.
    (mark or ProcessMark(0, 0, "")).write(builder.mark_file)


def end_builders(state: Path, *, but: Collection[str] = ()) -> None:
    """End the builders that the lab in this folder started, ``but`` those of images with these keys; each cleans up
    after itself."""
    for file in state.glob("image-*.json"):
        if file.stem.removeprefix("image-") in but:
            continue
        mark = ProcessMark.read(file)
        if mark is not None:
            mark.end(_END_PATIENCE)
            reap(mark)
        file.unlink(missing_ok=True)
        file.with_suffix(".pin").unlink(missing_ok=True)


_END_PATIENCE = 40.0
"""Seconds. mmdebstrap has half a minute to unmount before its own parent kills it."""
