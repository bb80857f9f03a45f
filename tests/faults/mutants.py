"""Faults that somebody could put into the code that guards a model, and the tests that see them."""

# ruff: noqa: E501  # a fault is read best in one line
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED, WAITER = "shared/src/modelsystem_shared/", "waiter/src/modelsystem_waiter/"
FILES, FOLDER, MANIFEST, MARKER, PUBLICATION = (
    f"{SHARED}{name}.py" for name in ("files", "folder", "manifest", "marker", "publication")
)
VERDICT, DELIVERY = f"{WAITER}verdict.py", f"{WAITER}delivery.py"
OWN = {  # the tests of each module
    FILES: "tests/shared/test_files.py",
    FOLDER: "tests/shared/test_folder.py",
    MANIFEST: "tests/shared/test_manifest.py",
    MARKER: "tests/shared/test_marker.py",
    PUBLICATION: "tests/shared/test_publication.py",
    VERDICT: "tests/waiter/test_verdict.py",
    DELIVERY: "tests/waiter/test_delivery.py",
}
TRAINING = "tests/faults/test_crashes.py -k test_some_crashes_of_a_training"
COPY = "tests/faults/test_crashes.py -k test_some_crashes_of_a_copy"
FAILED = "tests/faults/test_failed_calls.py"


@dataclass(frozen=True)
class Mutant:
    """One fault: `right` in a file becomes `wrong`; `tests`: those that must fail by it."""

    path: str
    right: str
    wrong: str
    tests: str = ""

    @property
    def arguments(self) -> list[str]:
        """The arguments of pytest that run the tests."""
        return (self.tests or OWN[self.path]).split()

    def mutated(self) -> str:
        """Return the file's text with the fault."""
        text = (ROOT / self.path).read_text(encoding="utf-8")
        assert self.right in text, f"{self.path} has changed: {self.right!r} is not in it"
        return text.replace(self.right, self.wrong, 1)


_MARKER_IS_CREATED = "            files.write_new(target / marker.NAME, ours.to_bytes())\n"
_SEALED = "write(attempt, manifest.NAME, content.to_bytes()), None"
_DIGEST = "hashlib.sha256(content.to_bytes()).hexdigest()"
_EARLY = f"place(target, Marker(score, attempt.name, content.build, {_DIGEST}))"
_COPIED = "folder.check_file(path, file, _copy_file(path, target))"

MUTANTS = (
    # files: syncs that are dropped, and files that are replaced
    Mutant(FILES, "                _write_all(descriptor, memoryview(part))\n            os.fsync(descriptor)\n", "                _write_all(descriptor, memoryview(part))\n", TRAINING),
    Mutant(FILES, "            os.fsync(descriptor)\n        finally:", "            pass\n        finally:", TRAINING),
    Mutant(FILES, "        os.fsync(writer.fileno())\n", "", COPY),
    Mutant(FILES, "        sync_folder(folder.parent)", "        pass", TRAINING),
    Mutant(FILES, "os.O_CREAT | os.O_EXCL", "os.O_CREAT"),
    Mutant(FILES, "        path.unlink(missing_ok=True)\n", ""),
    Mutant(FILES, 'target.open("xb")', 'target.open("wb")'),
    Mutant(FILES, "writer.write(chunk)", "writer.write(chunk[:-1])"),
    Mutant(FILES, "digest.update(chunk)", "digest.update(chunk[:-1])"),
    Mutant(FILES, "return file.read(most)", "return file.read()"),
    Mutant(FILES, "os.O_CREAT | os.O_APPEND", "os.O_CREAT"),
    Mutant(FILES, "        if error.errno not in _NO_FOLDER_SYNC:", "        if False:"),
    Mutant(FILES, "            error.filename = str(path)\n        raise", "            pass\n        raise"),
    Mutant(FILES, "        rest = rest[os.write(descriptor, rest) :]", "        rest = rest[os.write(descriptor, rest[:1]) + len(rest) :]"),
    # folder: digests that are skipped or compared in part, names that are not looked at
    Mutant(FOLDER, "if build not in (None, standing.build):", "if False:"),
    Mutant(FOLDER, "if hashlib.sha256(content).hexdigest() != sha256:", "if False:"),
    Mutant(FOLDER, "hexdigest() != sha256:", "hexdigest()[:8] != sha256[:8]:"),
    Mutant(FOLDER, "if parsed.build != standing.build:", "if False:"),
    Mutant(FOLDER, "    check_names(model)\n", ""),
    Mutant(FOLDER, "    for file in model.manifest.all_files:\n", "    for file in model.manifest.all_files[:-1]:\n"),
    Mutant(FOLDER, "    for file in model.manifest.all_files:\n", "    for file in model.manifest.all_files[1:]:\n"),
    Mutant(FOLDER, "if digest != expected.sha256:", "if digest[:8] != expected.sha256[:8]:"),
    Mutant(FOLDER, "if digest != expected.sha256:", "if path.stat().st_size != expected.size:"),
    Mutant(FOLDER, "if missing := sorted(expected - present):", "if missing := []:"),
    Mutant(FOLDER, "if extra := sorted(present - expected):", "if extra := []:"),
    Mutant(FOLDER, "- {progress.PROGRESS}", "- {progress.PROGRESS, progress.FAILED}"),
    Mutant(FOLDER, "marker.ATTEMPT.fullmatch(", "marker.ATTEMPT.match("),
    Mutant(FOLDER, "kind = CorruptModelError if is_gone else UnreadableModelError", "kind = CorruptModelError", FAILED),
    # manifest: entries that name files elsewhere, twice, or not at all
    Mutant(MANIFEST, "not _FILE_NAME.fullmatch(file.name)", "not _FILE_NAME.match(file.name)"),
    Mutant(MANIFEST, "not _DIGEST.fullmatch(file.sha256)", "not _DIGEST.match(file.sha256)"),
    Mutant(MANIFEST, "if not _FILE_NAME.fullmatch(file.name) or not", "if not"),
    Mutant(MANIFEST, "if file.size < 0:", "if False:"),
    Mutant(MANIFEST, "!= len(files) or not files:", "!= len(files):"),
    Mutant(MANIFEST, "if len({file.name for file in files}) != len(files) or not files:", "if not files:"),
    Mutant(MANIFEST, "if number != FORMAT:", "if False:"),
    Mutant(MANIFEST, "            _check_files(files)\n", "            pass\n"),
    Mutant(MANIFEST, 'f"{file.sha256}  {file.name}\\n"', 'f"{file.sha256}\\n"'),
    Mutant(MANIFEST, "sort_keys=True", "sort_keys=False"),
    # marker: short, longer and foreign ones
    Mutant(MARKER, '    if digest != hashlib.sha256(body).hexdigest().encode() + b"\\n":\n        return None\n', ""),
    Mutant(MARKER, 'if digest != hashlib.sha256(body).hexdigest().encode() + b"\\n":', "if digest[:8] != hashlib.sha256(body).hexdigest().encode()[:8]:"),
    Mutant(MARKER, "_BODY.fullmatch(body.decode())", "_BODY.match(body.decode())"),
    Mutant(MARKER, "    body, digest = content[:-65], content[-65:]", '    content = content.rstrip() + b"\\n"\n    body, digest = content[:-65], content[-65:]'),
    Mutant(MARKER, 'r"attempt-[A-Za-z0-9-]{1,100}"', 'r"[A-Za-z0-9-./]{1,100}"'),
    # publication: the order, the syncs, and who stands back
    Mutant(PUBLICATION, _SEALED, f"ModelFile(manifest.NAME, 1, {_DIGEST}), None", TRAINING),
    Mutant(PUBLICATION, _SEALED, f"({_EARLY}, write(attempt, manifest.NAME, content.to_bytes()))[1], None", TRAINING),
    Mutant(PUBLICATION, "    files.sync_folder(attempt)\n", "", TRAINING),
    Mutant(PUBLICATION, '    """\n    files.sync_folder(target)\n', '    """\n', TRAINING),
    Mutant(PUBLICATION, "            files.sync_folder(target)\n", "", TRAINING),
    Mutant(PUBLICATION, _MARKER_IS_CREATED, "            (target / marker.NAME).write_bytes(ours.to_bytes())\n"),
    Mutant(PUBLICATION, "        if standing := _settled(target):\n            return standing\n", "        return ours\n"),
    Mutant(PUBLICATION, "deadline = time.monotonic() + DEAD_AFTER", "deadline = time.monotonic()"),
    Mutant(PUBLICATION, "            files.write_new(target / marker.NAME, content)\n", "            pass\n"),
    Mutant(PUBLICATION, "    removed.unlink()\n", ""),
    Mutant(PUBLICATION, "(attempt / name).stat().st_size", "0"),
    # verdict: times and precedence
    Mutant(VERDICT, "now - observed.since < limits.stale_timeout", "now - observed.since <= limits.stale_timeout"),
    Mutant(VERDICT, "    if mismatch := state.mismatch:", "    if False and (mismatch := state.mismatch):"),
    Mutant(VERDICT, "since = self.mismatch.since if self.mismatch else now", "since = now"),
    Mutant(VERDICT, ">= limits.verify_timeout:", "> limits.verify_timeout:"),
    Mutant(VERDICT, "if now - state.started >= limits.wait_timeout:", "if False:"),
    Mutant(VERDICT, "attempt.failed_for_good and attempt.witnessed", "attempt.failed_for_good"),
    Mutant(VERDICT, "if observation.attempts is None:", "if False:"),
    Mutant(VERDICT, "if latest is None or any(_is_alive(attempt, limits, now) for attempt in attempts):", "if latest is None:"),
    Mutant(VERDICT, "patience = GRACE if latest.failed_for_good else limits.stale_timeout", "patience = limits.stale_timeout"),
    Mutant(VERDICT, "known[name].attempt == attempt", "True"),
    # delivery: what is copied is what was published
    Mutant(DELIVERY, _COPIED, "_copy_file(path, target)"),
    Mutant(DELIVERY, _COPIED, "folder.check_file(path, file, files.sha256(path)); _copy_file(path, target)"),
    Mutant(DELIVERY, "if _copy_file(path, target) != sha256:", "if not _copy_file(path, target):"),
    Mutant(DELIVERY, "        folder.check_names(model)\n", "", "tests/waiter/test_observation.py"),
    Mutant(DELIVERY, "        folder.verify(cached)\n", ""),
    Mutant(DELIVERY, "return cached.marker == expected", "return True"),
    Mutant(DELIVERY, "    (cache / marker.NAME).unlink(missing_ok=True)\n", ""),
    Mutant(DELIVERY, "        shutil.rmtree(attempt)", "        pass"),
    Mutant(DELIVERY, "    files.sync_folder(target)\n", "", COPY),
    Mutant(DELIVERY, "        folder.verify(model)\n", "", "tests/waiter/test_observation.py"),
    Mutant(DELIVERY, "    files.make_folder(target)\n", "    publication.place(cache, model.marker)\n    files.make_folder(target)\n", COPY),
)  # fmt: skip

# Faults that no reader can notice, each with the reason.
EQUIVALENT = {
    Mutant(
        FILES,
        "        os.write(descriptor, line)\n        os.fsync(descriptor)\n",
        "        os.write(descriptor, line)\n",
    ): "a crash may lose the last heartbeat: the training died with it, and no model needs it",
    Mutant(
        PUBLICATION, "_POLL = 0.2", "_POLL = 0.1"
    ): "how often a short marker is read again changes no result",
    Mutant(
        FILES, "CHUNK = 1 << 20", "CHUNK = 1 << 16"
    ): "the size of the pieces of a copy changes neither its bytes nor their digest",
}
