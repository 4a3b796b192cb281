"""Pictures of the site: which files of a tree are shown, and which are not."""

from __future__ import annotations

from pathlib import Path

from homeprod.control.pictures import FOLDER, MOST_BYTES, list_pictures


def draw(tree: Path, name: str, text: str = "<svg/>") -> Path:
    file = tree / FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_the_first_tree_that_has_one_is_believed(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    network, narrow = draw(first, "network.svg"), draw(first, "network-narrow.svg")
    draw(second, "network.svg")
    other = draw(second, "provisioning.svg")
    found = list_pictures([first, second, tmp_path / "none"])
    assert found == {"network-narrow.svg": narrow, "network.svg": network, "provisioning.svg": other}


def test_what_is_none_is_not_shown(tmp_path: Path) -> None:
    for name in ("a.png", "Mine.svg", "a b.svg", "a&quot;.svg", "-.svg", f"{'a' * 41}.svg"):
        draw(tmp_path, name)
    draw(tmp_path, "large.svg", "x" * (MOST_BYTES + 1))
    (tmp_path / FOLDER / "folder.svg").mkdir()
    (tmp_path / FOLDER / "lost.svg").symlink_to("nowhere")
    assert list_pictures([tmp_path]) == {}
