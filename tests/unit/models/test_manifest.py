"""`model.json`: what is read, what is refused, and the folders that every version must open."""

from __future__ import annotations

import os
import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal import errors, models
from epochal.models import manifest

FORMATS = Path(__file__).parents[2] / "formats"


def raw(folder):
    return msgspec.json.decode((folder / "model.json").read_bytes())


def forge(folder, **changes):
    """Write a manifest as somebody would who knows the format."""
    content = {**raw(folder), **changes}
    content["digest"] = manifest.digest_of(content)
    (folder / "model.json").write_bytes(msgspec.json.encode(content))


# -- kept for good ----------------------------------------------------------------------------------------


KEPT = [path for path in sorted(FORMATS.glob("model-*")) if path.is_dir() and "pickle" not in path.name]


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_every_format_that_was_ever_written_opens(folder):
    predictor = models.load_predictor(folder)
    expected = msgspec.json.decode((FORMATS / f"{folder.name}.json").read_bytes())
    assert predictor.predict(predictor.example).tolist() == expected["predictions"]
    assert predictor.manifest.type == expected["class"]
    assert predictor.manifest.metadata == expected["metadata"]
    assert str(predictor.signature) == expected["signature"]


@pytest.mark.parametrize("folder", sorted(FORMATS.glob("model-*-pickle")), ids=lambda folder: folder.name)
def test_every_kept_pickle_opens_if_trusted(folder):
    with pytest.raises(errors.Untrusted):
        models.load_model(folder)
    assert models.load_model(folder, trust=["pickle"]) == {"weights": [0.1, -2.5], "names": ("a", "b")}


def test_the_present_format_is_among_them():
    assert (FORMATS / f"model-{manifest.FORMAT}-pickle").is_dir()
    assert (FORMATS / f"model-{manifest.FORMAT}").is_dir()


# -- reading ----------------------------------------------------------------------------------------------


def test_what_was_written_is_read(saved):
    read = manifest.read(saved)
    assert manifest.encode(read) == (saved / "model.json").read_bytes()
    assert [file.path for file in read.files] == ["example.json", "linear.json"]
    assert read.size == sum((saved / file.path).stat().st_size for file in read.files)


def test_the_same_content_makes_the_same_bytes(saved):
    content = raw(saved)
    shuffled = dict(random.Random(1).sample(sorted(content.items()), len(content)))
    assert manifest.digest_of(shuffled) == content["digest"]


def test_unknown_fields_are_skipped(saved):
    forge(saved, later={"a": 1})
    models.load_model(saved)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"format": 2},
            "written by a newer epochal .format 2.; this one reads up to 1: pip install",
        ),
        ({"format": 0}, "newer"),
        ({"format": "1"}, "names no format"),
        ({"format": True}, "names no format"),
        ({"flavor": 3}, "damaged"),
        ({"files": [{"path": "a"}]}, "damaged"),
        ({"signature": {"inputs": {"kind": "unheard"}}}, "damaged"),
        ({"example": "other.json"}, "an example that it does not list"),
        ({"flavor_version": 99}, "newer 'linear' flavor .format 99.; this one reads up to 1"),
        ({"flavor_version": 0}, "newer 'linear' flavor"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_what_it_cannot_mean_is_refused(saved, changes, words):
    forge(saved, **changes)
    with pytest.raises(errors.FormatError, match=words):
        models.load_model(saved)


def test_no_depth_reaches_what_reads_it(saved):
    spec = {"kind": "any", "type": "x"}
    for _ in range(300):
        spec = {"kind": "tuple", "items": [spec]}
    for changes in ({"signature": {"inputs": spec}}, {"metadata": {"a": spec}}):
        forge(saved, **changes)
        assert "64 levels" in models.check(saved).problems[0]
        with pytest.raises(errors.FormatError, match="64 levels"):
            models.load_model(saved)


def test_an_unknown_flavor_is_named(saved):
    forge(saved, flavor="lineal")
    with pytest.raises(
        errors.NotFound, match=r"no flavor named 'lineal'; there are: .*did you mean 'linear'"
    ):
        models.load_model(saved)
    forge(saved, flavor="xgboost")
    with pytest.raises(errors.NotFound, match="pip install epochal-xgboost"):
        models.load_model(saved)


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "a/", "..", "a\\b", "C:x", "\0", "a\nb", "x" * 2000,
     "/".join("a" * 65), "model.json", "\ud800"],
    ids=repr,
)  # fmt: skip
def test_no_path_leads_out(saved, path):
    if path == "\ud800":
        assert not manifest.safe_path(path)
        return
    file = {"path": path, "size": 1, "digest": "0" * 64}
    forge(saved, files=[*raw(saved)["files"], file])
    with pytest.raises(errors.FormatError, match="no path inside the folder"):
        models.load_model(saved)


@given(st.text(st.sampled_from("./\\:\0ab~%")), st.sampled_from(["", "../", "/", "a/"]))
def test_a_safe_path_stays_inside(tail, head):
    path = head + tail
    if manifest.safe_path(path):
        root = Path("/root/model")
        assert Path(os.path.normpath(root / path)).is_relative_to(root)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"size": 2**62}, "has changed"),
        ({"size": -1}, "makes no sense"),
        ({"digest": "0" * 64}, "has changed"),
        ({"digest": ""}, "makes no sense"),
    ],
    ids=str,
)
def test_a_lie_about_a_file_is_refused(saved, file, words):
    files = raw(saved)["files"]
    forge(saved, files=[{**files[0], **file}, *files[1:]])
    with pytest.raises(errors.FormatError, match=words):
        models.load_model(saved)


def test_a_file_listed_twice_is_refused(saved):
    files = raw(saved)["files"]
    forge(saved, files=[*files, files[0]])
    with pytest.raises(errors.FormatError, match="makes no sense"):
        models.load_model(saved)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b"[" * 1_000_000, b'{"a":' * 100_000, b" " * (17 << 20)],
    ids=["empty", "open", "null", "list", "text", "latin", "deep lists", "deep dicts", "huge"],
)
def test_a_broken_manifest_is_one_clear_error(saved, content):
    (saved / "model.json").write_bytes(content)
    with pytest.raises(errors.FormatError, match=r"model\.json"):
        models.load_model(saved)


def test_too_many_files_are_refused(saved, monkeypatch):
    monkeypatch.setattr(manifest, "MAX_FILES", 1)
    with pytest.raises(errors.FormatError, match="lists 2 files"):
        models.load_model(saved)


def test_every_flipped_byte_of_a_folder_shows(saved):
    tried = 0
    for path in sorted(saved.iterdir()):
        original = path.read_bytes()
        for at in range(len(original)):
            damaged = bytearray(original)
            damaged[at] ^= 1 << (at % 8)
            path.write_bytes(damaged)
            same = path.name == "model.json" and _same_json(original, damaged)
            if not same:
                with pytest.raises(errors.EpochalError):
                    models.load_model(saved)
                tried += 1
        path.write_bytes(original)
    models.load_model(saved)
    print(f"flipped bits in a model folder: {tried} tried, {tried} refused")


def _same_json(one, other):
    try:
        return msgspec.json.decode(one) == msgspec.json.decode(other)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


# -- folders ----------------------------------------------------------------------------------------------


def test_nothing_there(tmp_path):
    with pytest.raises(errors.NotFound, match="no such folder"):
        models.load_model(tmp_path / "nowhere")
    with pytest.raises(errors.NotFound, match=r"holds no model: it has no model\.json"):
        models.load_model(tmp_path)


def test_no_link_is_followed_and_no_pipe_waited_for(saved, tmp_path):
    (saved / "model.json").rename(tmp_path / "m.json")
    (saved / "model.json").symlink_to(tmp_path / "m.json")
    with pytest.raises(errors.FormatError, match="is a link"):
        models.load_model(saved)
    (saved / "model.json").unlink()
    os.mkfifo(saved / "model.json")
    with pytest.raises(errors.FormatError, match="no regular file"):
        models.load_model(saved)


def test_a_pipe_or_linked_folder_in_it_is_refused(saved, tmp_path):
    os.mkfifo(saved / "pipe")
    with pytest.raises(errors.FormatError, match="'pipe', a link or device"):
        models.load_model(saved)
    (saved / "pipe").unlink()
    (saved / "folder").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(errors.FormatError, match="'folder', a link or device"):
        models.load_model(saved)


def test_what_a_file_manager_leaves_is_no_damage(saved):
    (saved / ".DS_Store").write_bytes(b"x")
    models.load_model(saved)


def test_an_unlisted_file_is_refused_wherever_it_is(saved):
    (saved / "deep").mkdir()
    (saved / "deep" / "hook.py").write_text("")
    with pytest.raises(errors.FormatError, match=r"does not list: deep/hook\.py"):
        models.load_model(saved)


def test_an_unreadable_manifest_says_so(saved, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(errors.StoreError, match="cannot be read: Permission denied"):
        manifest.read(saved)


def test_an_unreadable_file_says_so(saved, monkeypatch):
    monkeypatch.setattr(manifest, "_hash", lambda *_: os.open(saved / "gone", os.O_RDONLY))
    with pytest.raises(errors.StoreError, match=r"cannot be read: .*No such file"):
        models.load_model(saved)


def test_a_summary_leaves_out_the_files(saved):
    summary = manifest.read(saved).summary()
    assert summary["class"] == "epochal.testing.linear:Linear"
    assert not {"files", "meta", "digest"} & set(summary)
    assert np.isclose(len(msgspec.json.encode(summary)), 800, atol=500)
