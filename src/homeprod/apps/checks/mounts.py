"""Which of the host's own files an app would see: its own folders, and nothing else of the system unless allowed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from homeprod.apps.allowance import WORDS, Need
from homeprod.apps.document import Listing, Scalar, Table, Value
from homeprod.apps.sheet import Place
from homeprod.apps.stack import Part, Stack
from homeprod.apps.variables import CACHE, DATA, REPOSITORY, SECRETS

_OWN = (DATA, CACHE, REPOSITORY)
_FOLDERS = "bin boot dev etc home lib lib32 lib64 libx32 lost+found opt proc root run sbin sys tmp usr var"
_SYSTEM = frozenset(_FOLDERS.split())
"""First parts of paths that belong to the system (FHS 3.0); /srv, /mnt, /media and a site's own are free."""
_READABLE = ("/etc/localtime", "/etc/timezone")
"""Nothing is lost by showing them."""
_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock")


@dataclass(frozen=True, slots=True)
class Source:
    """``path`` as it is written, with its variables put in; None where that cannot be told. ``folder`` is what a
    relative one is relative to."""

    what: str
    path: str | None
    place: Place
    folder: str
    is_read_only: bool = False


def find_mounts(stack: Stack) -> Iterator[Need]:
    for source in list_sources(stack):
        need = _judge(source, stack.app.name)
        if need is not None:
            yield need


def list_sources(stack: Stack) -> Iterator[Source]:
    """Every file and folder of the host that a compose file names."""
    for part, name, service in stack.list_tables("services"):
        yield from _list_volumes(stack, part, name, service)
        yield from _list_files(stack, part, name, service)
        yield from _list_build(stack, part, name, service)
    for part, name, volume in stack.list_tables("volumes"):
        options = volume.get("driver_opts")
        device = options.get("device") if isinstance(options, Table) else None
        if isinstance(options, Table) and device is not None and _is_bound(stack, options):
            yield Source(f"volume {name}", stack.read(device), device.place, stack.find_folder(part))
    for key in ("configs", "secrets"):
        for part, name, table in stack.list_tables(key):
            if (file := table.get("file")) is not None:
                yield Source(f"{key[:-1]} {name}", stack.read(file), file.place, stack.find_folder(part), True)


def _list_volumes(stack: Stack, part: Part, name: str, service: Table) -> Iterator[Source]:
    volumes, folder = service.get("volumes"), stack.find_folder(part)
    for item in volumes.items if isinstance(volumes, Listing) else ():
        if isinstance(item, Table):
            source, kind = item.get("source"), stack.read(item.get("type"))
            if source is not None and kind not in ("volume", "tmpfs", "cluster", "image"):
                only_read = stack.read(item.get("read_only")) == "true"
                yield Source(f"service {name}", stack.read(source), item.place, folder, only_read)
            continue
        text = stack.read(item)
        path, sign, rest = (text or "").partition(":")
        if text is None:
            yield Source(f"service {name}", None, item.place, folder)
        elif sign and path.startswith(("/", ".", "~")):
            yield Source(f"service {name}", path, item.place, folder, "ro" in rest.rpartition(":")[2].split(","))


def _list_files(stack: Stack, part: Part, name: str, service: Table) -> Iterator[Source]:
    """What compose reads itself and hands in."""
    for key in ("env_file", "label_file"):
        value = service.get(key)
        for item in value.items if isinstance(value, Listing) else [value] if value is not None else []:
            path = item.get("path") if isinstance(item, Table) else item
            yield Source(f"service {name}: {key}", stack.read(path), item.place, stack.find_folder(part), True)


def _list_build(stack: Stack, part: Part, name: str, service: Table) -> Iterator[Source]:
    build = service.get("build")
    if build is None:
        return
    folder, what = stack.find_folder(part), f"service {name}: build"
    contexts: list[Value] = [build] if isinstance(build, Scalar) else []
    if isinstance(build, Table):
        contexts += [one for one in (build.get("context"),) if one is not None]
        more = build.get("additional_contexts")
        contexts += [value for _, value in more] if isinstance(more, Table) else []
    for context in contexts:
        path = stack.read(context)
        if path is None or not _is_elsewhere(path):
            yield Source(what, path, context.place, folder, True)
    dockerfile = build.get("dockerfile") if isinstance(build, Table) else None
    root = (stack.read(build.get("context")) if isinstance(build, Table) else None) or ""
    if dockerfile is not None and not _is_elsewhere(root):
        yield Source(what, stack.read(dockerfile), dockerfile.place, posixpath.join(folder, root), True)


def _is_elsewhere(path: str) -> bool:
    """An image, another service, or a repository: no file of the host's."""
    return "://" in path or path.startswith(("git@", "github.com/", "service:"))


def _is_bound(stack: Stack, options: Table) -> bool:
    """A local volume that is a folder of the host (mount -o bind); a file system of the network is none."""
    kind, given = stack.read(options.get("type")) or "none", stack.read(options.get("o")) or "bind"
    return kind in ("none", "bind") or "bind" in given.split(",")


def _judge(source: Source, app: str) -> Need | None:
    if source.path is None:
        message = (
            f"{source.what}: nobody can tell which path this is: a variable of it has no value in this repository"
        )
        return Need(app, "mount unknown", source.place, message)
    path = _resolve(source)
    own = (*_OWN, f"{SECRETS}/{app}")
    if any(path == one or path.startswith(f"{one}/") for one in own):
        return None
    if posixpath.basename(path) in _SOCKETS:
        return Need(app, "docker socket", source.place, f"{source.what}: docker socket: {WORDS['docker socket']}")
    if not source.path.startswith(("/", "~")) or source.path.startswith(_OWN):
        return Need(
            app, f"mount {source.path}", source.place, f"{source.what}: {source.path} leaves the app's folder"
        )
    if path.startswith(f"{SECRETS}/"):
        return Need(app, f"mount {path}", source.place, f"{source.what}: {path} is another app's")
    if source.is_read_only and path in _READABLE:
        return None
    if path == "/" or path.startswith("~") or path.split("/")[1] in _SYSTEM:
        return Need(app, f"mount {path}", source.place, f"{source.what}: {path} is the system's own")
    return None


def _resolve(source: Source) -> str:
    path = source.path or ""
    if path.startswith("~"):
        return path
    joined = posixpath.normpath(posixpath.join(REPOSITORY, source.folder, path))
    return f"/{joined.lstrip('/')}"
