"""Images and ISOs that come to the lab: upload, and download-url."""

from __future__ import annotations

import os
import re
from pathlib import Path

from homeprod.lab.api import formats as f
from homeprod.lab.api.calls.storage import STORAGE_PATH
from homeprod.lab.api.error import ApiError, deny, refuse_parameters
from homeprod.lab.api.multipart import clean_filename
from homeprod.lab.api.routing import Call, Route, allow
from homeprod.lab.api.schema import Prop
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.spec import StorageSpec
from homeprod.lab.storage.download import check_file, download
from homeprod.lab.storage.names import shown_path, split_volume
from homeprod.lab.storage.qcow2 import is_qcow2
from homeprod.lab.task import Task

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
CONTENTS = ("iso", "vztmpl", "import")
_PATTERNS = {
    "iso": (re.compile(r".+\.(iso|img)\Z", re.IGNORECASE), "wrong file extension"),
    "vztmpl": (re.compile(r".+\.tar\.(gz|xz|zst|bz2)\Z"), "wrong file extension"),
    "import": (re.compile(r".+\.(ova|ovf|qcow2|raw|vmdk)\Z"), "invalid filename or wrong extension"),
}


def _check_target(call: Call) -> tuple[StorageSpec, str]:
    """The storage, and the id of the volume that the file will be. Raises ApiError."""
    storage = call.hypervisor.storage(call.text("storage"))
    content, filename = call.text("content"), clean_filename(call.text("filename"))
    pattern, words = _PATTERNS[content]
    if not pattern.match(filename):
        raise refuse_parameters({"filename": words})
    if storage.kind != "dir":
        raise ApiError(f"can't upload to storage type '{storage.kind}'")
    if content not in storage.content:
        raise ApiError(f"storage '{storage.name}' is not configured for content-type '{content}'")
    return storage, f"{storage.name}:{content}/{filename}"


def upload_file(call: Call) -> str:
    """An ``imgcopy`` task: the checksum is compared first, and an existing file silently overwritten."""
    temporary = Path(call.text("tmpfilename"))
    try:
        storage, volume = _check_target(call)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    hypervisor, node = call.hypervisor, call.node
    algorithm, checksum = call.text("checksum-algorithm"), call.text("checksum")

    async def work(task: Task) -> None:
        try:
            task.say(f"starting file import from: /var/tmp/{temporary.name}")
            _check_image(temporary, volume)
            if checksum:
                check_file(temporary, algorithm, checksum, task)
            _keep(hypervisor, node, storage, volume, temporary, task)
        finally:
            temporary.unlink(missing_ok=True)

    return hypervisor.tasks.start(node, "imgcopy", "", call.who.id, work)


def _check_image(file: Path, volume: str) -> None:
    if volume.endswith(".qcow2") and not is_qcow2(file):
        raise ApiError(f"qemu-img: Could not open '/var/tmp/{file.name}': Image is not in qcow2 format")


def _keep(hypervisor: Hypervisor, node: str, storage: StorageSpec, volume: str, file: Path, task: Task) -> None:
    size = file.stat().st_size
    shown = shown_path(storage, split_volume(volume)[1])
    task.say(f"target node: {node}")
    task.say(f"target file: {shown}")
    task.say(f"file size is: {size}")
    task.say(f"command: cp -- /var/tmp/{file.name} {shown}")
    hypervisor.require_space(storage, size, f"import failed: cp: error writing '{shown}'")
    target = hypervisor.volumes.path(volume)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file, target)  # noqa: PTH105 (atomic by intent, and named so)
    hypervisor.catalog.add(volume, size)
    task.say("finished file import successfully")


def download_file(call: Call) -> str:
    """A ``download`` task. An existing file is refused, unless it has the checksum already."""
    storage, volume = _check_target(call)
    hypervisor, filename = call.hypervisor, split_volume(volume)[1].rpartition("/")[2]
    url, checksum, algorithm = call.text("url"), call.text("checksum"), call.text("checksum-algorithm")
    verifies = call.flag("verify-certificates", default=True)

    async def work(task: Task) -> None:
        target = hypervisor.volumes.path(volume)
        shown = shown_path(storage, split_volume(volume)[1])
        task.say(f"downloading {url} to {shown}")
        if hypervisor.catalog.find(volume) is not None:
            if not checksum or not _has_checksum(target, algorithm, checksum, task):
                raise ApiError(f"refusing to override existing file '{shown}'")
            return
        hypervisor.require_space(storage, 1, f"download failed: {shown}")
        size = await download(url, target, task, verifies=verifies, algorithm=algorithm, checksum=checksum)
        hypervisor.catalog.add(volume, size)

    return hypervisor.tasks.start(call.node, "download", filename, call.who.id, work)


def _has_checksum(file: Path, algorithm: str, checksum: str, task: Task) -> bool:
    try:
        check_file(file, algorithm, checksum, task)
    except ApiError:
        return False
    task.say("file with matching checksum exists already, skipping download")
    return True


def _allow_download(call: Call) -> None:
    call.require(f"/storage/{call.text('storage')}", "Datastore.AllocateTemplate")
    if call.holds("/", "Sys.Audit", "Sys.Modify") or call.holds(f"/nodes/{call.node}", "Sys.AccessNetwork"):
        return
    raise deny("/, Sys.Audit|Sys.Modify")


_file_table = {
    "content": Prop(enum=CONTENTS, form=f.storage_content, optional=False),
    "filename": Prop(max_length=255, optional=False),
    "checksum": Prop(requires="checksum-algorithm"),
    "checksum-algorithm": Prop(enum=ALGORITHMS, requires="checksum"),
}
ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        f"{STORAGE_PATH}/upload",
        upload_file,
        {**_file_table, "tmpfilename": Prop(pattern=r".*/pveupload-[0-9a-f]+")},
        allow("/storage/{storage}", "Datastore.AllocateTemplate"),
        takes_file=True,
    ),
    Route(
        "POST",
        f"{STORAGE_PATH}/download-url",
        download_file,
        {
            **_file_table,
            "url": Prop(pattern="https?://.*", optional=False),
            "verify-certificates": Prop("boolean"),
            "compression": Prop(),
        },
        _allow_download,
    ),
)
