"""Tasks that an apply began before it was killed: the next one waits for them, and begins none of them again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.drivers.imageserver import ImageServer
from tests.system.apply_process import PATIENCE, await_truth, begin_apply, slow_down
from tests.system.site_lab import NODE, SiteLab

from homeprod.core.errors import NotFoundError
from homeprod.engine.join import list_tasks
from homeprod.plan.image import desire_images
from homeprod.site.loader import load_site

pytestmark = pytest.mark.slow

CODER, KEYS = 4001021, 94001022
MANY = 600.0


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer() as images:
        yield images


@pytest.fixture
def calm_lab(site_lab: SiteLab) -> SiteLab:
    """No lease, of which other tests speak."""
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=None,")
    return site_lab


def _sent(site_lab: SiteLab, ending: str, method: str = "POST") -> int:
    written = site_lab.lab.written()
    return len([call for call in written if call.method == method and call.path.endswith(ending)])


@pytest.mark.slow
def test_a_machine_that_is_being_made_is_joined(calm_lab: SiteLab) -> None:
    slow_down(calm_lab.lab, "qmcreate", 2.0)
    process = begin_apply(calm_lab, calm_lab.root, "--only", "lab-coder")
    try:
        await_truth(lambda: _sent(calm_lab, "/qemu") == 1)
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
    code, _, said = calm_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")
    assert code == 0, said
    assert "vm/lab-coder: " in said
    assert "; waiting for its end" in said
    assert "join qmcreate done" in said
    assert _sent(calm_lab, "/qemu") == 1
    assert calm_lab.actions("--only", "lab-coder") == []


@pytest.mark.parametrize("is_right", [True, False])
def test_an_image_that_its_node_downloads_is_joined(calm_lab: SiteLab, server: ImageServer, is_right: bool) -> None:
    """A joined task that fails is told, and the plan made from what there is."""
    config = calm_lab.root / "modules" / "_config.py"
    text = config.read_text()
    start, end = text.index("ubuntu_22_04 = Image("), text.index("# Its cloud-init has a bug")
    image = f'ubuntu_22_04 = Image(release="ubuntu", url="{server.url}", checksum="{server.sha256}", on=hdd)\n'
    config.write_text(text[:start] + image + text[end:])
    site = load_site(calm_lab.root)
    (wanted,) = [image for image in desire_images(site) if image.image.url == server.url]
    slow_down(calm_lab.lab, "download", 1.5)
    checksum = server.sha256 if is_right else "f" * 64
    with calm_lab.driver() as cluster:
        cluster.fetch_image(
            NODE, "local-hdd", wanted.file, server.url, content="import", checksum=checksum, algorithm="sha256"
        )
    slow_down(calm_lab.lab, "download", 0.0)
    code, _, said = calm_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")
    assert code == 0, said
    assert f"{wanted.address}: a task of an earlier apply still runs (download); waiting for its end" in said
    assert ("it ended badly: " in said) is not is_right
    assert _sent(calm_lab, "/download-url") == (1 if is_right else 2)


def test_a_machine_that_is_being_destroyed_is_joined_and_made_again(calm_lab: SiteLab) -> None:
    assert calm_lab.apply("--only", "lab-coder") == 0
    slow_down(calm_lab.lab, "qmdestroy", 1.5)
    with calm_lab.driver() as cluster:
        cluster.wait(cluster.stop_machine(NODE, CODER))
        cluster.destroy_machine(NODE, CODER)
    calm_lab.lab.forget_calls()
    code, _, said = calm_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")
    assert code == 0, said
    assert "vm/lab-coder: a task of an earlier apply still runs (qmdestroy); waiting for its end" in said
    assert (_sent(calm_lab, "/qemu"), _sent(calm_lab, f"/{CODER}", "DELETE")) == (1, 0)


def test_what_runs_elsewhere_is_not_waited_for(calm_lab: SiteLab) -> None:
    """A stranger's machine; and a node that is away is no error."""
    with calm_lab.driver() as cluster:
        cluster.wait(cluster.create_machine(NODE, 100, {"name": "stranger"}))
        slow_down(calm_lab.lab, "qmstart", MANY)
        cluster.start_machine(NODE, 100)
        assert [task.kind for task in list_tasks(cluster, [NODE, "nowhere"])] == ["qmstart"]
        with pytest.raises(NotFoundError):
            cluster.read_active_tasks("nowhere")
    slow_down(calm_lab.lab, "qmstart", 0.0)
    assert calm_lab.apply("--only", "lab-coder") == 0
