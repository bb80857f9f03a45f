"""Whether what a crash left is right: absent or whole, and the next program succeeds."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.operations import Recording, Tree, tree
from tests.faults.preloaded import KNOWN, Preloaded
from tests.integration.conftest import BUILD

from modelsystem_scorer import engine
from modelsystem_shared import folder, manifest, marker, progress, publication, settings
from modelsystem_shared.errors import CorruptModelError, IncompleteModelError, ModelSystemError
from modelsystem_shared.manifest import Manifest
from modelsystem_trainer import publishing
from modelsystem_trainer.publishing import Attempt
from modelsystem_trainer.settings import Settings as TrainerSettings
from modelsystem_waiter.observation import observe
from modelsystem_waiter.settings import Settings as WaiterSettings
from modelsystem_waiter.verdict import Observation

Environ = dict[str, str]
Shown = Iterator[tuple[int, Tree]]  # after so many operations, what the crash left


class Folder:
    """A folder on a disk that becomes one tree after another, by as few writes as possible."""

    def __init__(self, root: Path) -> None:
        """Begin with an empty folder."""
        self.root, self._shown = root, dict[str, bytes | None]()
        root.mkdir(exist_ok=True)

    def show(self, tree: Tree) -> None:
        """Make the folder hold this tree."""
        for path in sorted(self._shown.keys() - tree.keys(), reverse=True):
            self._remove(path)
        for path, content in tree.items():
            if path not in self._shown or self._shown[path] is not content:
                self._write(path, content)
        self._shown = dict(tree)

    def forget(self) -> None:
        """Look at the folder: a program has changed it."""
        self._shown = dict(tree(self.root))

    def _remove(self, path: str) -> None:
        target = self.root / path
        target.rmdir() if self._shown[path] is None else target.unlink()

    def _write(self, path: str, content: bytes | None) -> None:
        if content is None:
            (self.root / path).mkdir(exist_ok=True)
        else:
            (self.root / path).write_bytes(content)


@dataclass
class Judge(ABC):
    """Judges the folders that crashes leave of one recorded program.

    place: where the folders are made. truth: the tree that the program left when nothing crashed.
    environ: the settings of the next program, without its folder.
    """

    recording: Recording
    place: Folder
    truth: Tree
    environ: Environ
    preloaded: Preloaded

    @abstractmethod
    def state(self) -> str:
        """Return `complete`, `absent` or `mismatch`: what a reader of the place finds."""

    @abstractmethod
    def next(self, *, real: bool) -> None:
        """Check that the next program succeeds; real: the whole program, in a process."""

    def verdict(self, shown: Tree) -> str:
        """Return the state; a complete model must have the bytes that were published."""
        state = self.state()
        if state == "complete":
            published = {path: content for path, content in self.truth.items() if _matters(path)}
            assert published == {path: shown.get(path, b"") for path in published}
        return state

    def crashes(self, shown: Shown, real: Callable[[int], bool]) -> Counter[str]:
        """Judge states after a crash, and count the verdicts."""
        verdicts: Counter[str] = Counter()
        was_published = self.recording.ended.code == 0
        total = len(self.recording.operations)
        for number, (done, left) in enumerate(shown):
            self.place.show(left)
            verdict = self.verdict(left)
            assert verdict != "mismatch", (done, left.keys() ^ self.truth.keys())
            is_over = was_published and done == total
            assert verdict == "complete" or not is_over, "a published model is lost"
            self.next(real=real(number))
            self.place.forget()
            verdicts[verdict] += 1
        return verdicts


class TrainingJudge(Judge):
    """Judges a model folder: the waiter says what it holds, and the next training follows."""

    def state(self) -> str:
        """Return what the waiter finds."""
        observation = self._observe()
        assert observation.trouble is None
        mismatch = "mismatch" if observation.mismatch else "absent"
        return "complete" if observation.model else mismatch

    @property
    def model_folder(self) -> Path:
        """The model folder in the place."""
        return self.place.root / BUILD

    @property
    def _environ(self) -> Environ:
        return self.environ | {"MODELFOLDER": str(self.model_folder)}

    def _observe(self) -> Observation:
        variables = {"MODELFOLDER": str(self.model_folder), "BUILDNUMBER": BUILD}
        return observe(settings.read(WaiterSettings, variables))

    def next(self, *, real: bool) -> None:
        """Train: the model is accepted, or another is published."""
        was = folder.read_marker(self.model_folder)
        if real:
            ended = self.preloaded.run("trainer", self._environ)
            assert ended.code == 0, ended.output
        else:
            self._publish()
        observation = self._observe()
        assert observation.model
        assert was in (None, observation.model.marker)

    def _publish(self) -> None:
        """Do what a training does with a model folder, with less to train."""
        if publishing.is_published(self.model_folder):
            publishing.accept(settings.read(TrainerSettings, self._environ))
            return
        with Attempt(self.model_folder) as attempt:
            attempt.progress("fit", 1.0)
            attempt.free_reserve()
            (attempt.path / "items.npy").write_bytes(b"items")
            listing = manifest.listing(publication.describe(attempt.path, ["items.npy"]))
            content = Manifest({"format": manifest.FORMAT, "build": BUILD, "files": listing}, {})
            publication.publish(self.model_folder, attempt.path, content, "0.25")

    def views(self, shown: Shown) -> Counter[str]:
        """Judge what readers with stale caches see.

        A trainer among them accepts the model, or fails in such a way that a retry helps.
        """
        verdicts: Counter[str] = Counter()
        for _, view in shown:
            self.place.show(view)
            verdicts[self.verdict(view)] += 1
            if error := self._refusal():
                assert error.retry_helps
                assert error.exit_code not in (2, 3)
        return verdicts

    def _refusal(self) -> ModelSystemError | None:
        """Return why a training does not accept the model that it sees, if it sees one."""
        if publishing.is_published(self.model_folder):
            try:
                publishing.accept(settings.read(TrainerSettings, self._environ))
            except ModelSystemError as error:
                return error
        return None


class CopyJudge(Judge):
    """Judges a MODELCACHE: the scorer says what it holds, and the next waiter fills it."""

    def state(self) -> str:
        """Return what the scorer finds."""
        try:
            folder.verify(folder.published(self.place.root / BUILD))
        except IncompleteModelError:
            return "absent"
        except CorruptModelError:
            return "mismatch"
        return "complete"

    def next(self, *, real: bool) -> None:
        """Let a waiter copy the model, or find it there."""
        cache = self.place.root / BUILD
        environ = self.environ | {"MODELCACHE": str(cache)}
        if real:
            ended = self.preloaded.run("waiter", environ)
            assert ended.code == 0, ended.output
            assert engine.load(cache, BUILD)
        else:
            assert observe(settings.read(WaiterSettings, environ)).model
        assert self.state() == "complete"


def _matters(path: str) -> bool:
    """Whether readers of a published model rely on a path."""
    return path == f"{BUILD}/{marker.NAME}" or (
        path.startswith(f"{BUILD}/{KNOWN}/") and not path.endswith(progress.PROGRESS)
    )
