"""What every comparison is told: where its scratch is, which peers there are, how often."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .measured import Way
from .studies import Study
from .turns import ROOT

__all__ = ["STEPS", "Setting", "lacks", "prepared", "step"]

STEPS = "benchmarks.peers.steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How to measure.

    Attributes
    ----------
    inputs : Path
        Folder for inputs that are made; what is there already is taken.
    scratch : Path
        Empty folder for outputs.
    peers : Path
        Interpreter of the peers' own environment; it need not be there.
    rounds : int
        Fresh processes for each way.
    studies : tuple of Study
        Phantoms first.
    quick : bool
        Smallest inputs and one thread: whether everything runs, not how fast.
    """

    inputs: Path
    scratch: Path
    peers: Path
    rounds: int
    studies: tuple[Study, ...]
    quick: bool = False

    @property
    def threads(self) -> tuple[int, ...]:
        """Numbers of threads to try."""
        return (1,) if self.quick else (1, 2)

    def dcm2niix(self) -> tuple[str, str]:
        """Return the command dcm2niix, of the peers' environment or else of this machine, and why there is none."""
        told = "import dcm2niix; print(dcm2niix.bin)"
        if self.peers.is_file():
            done = subprocess.run([self.peers, "-c", told], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout.strip(), ""
        found = shutil.which("dcm2niix")
        return (found, "") if found else ("", "it is installed neither in the environment of the peers nor here")

    def made(self, name: str, *arguments: str) -> Path:
        """Make something once by a step that writes into the folder it is told last; return that folder."""
        folder = self.inputs / name
        if not folder.exists():
            # Under another name until it is whole, so that no later run takes a half.
            part = self.inputs / f"{name}.part"
            shutil.rmtree(part, ignore_errors=True)
            subprocess.run([sys.executable, *arguments, str(part)], check=True, capture_output=True, cwd=ROOT)
            part.rename(folder)
        return folder


def lacks(peers: Path, code: str) -> str:
    """Why a line of Python cannot be run in an environment of peers; empty where it can."""
    if not peers.is_file():
        return "the environment of the peers is not there; make bench tries to make it"
    done = subprocess.run([peers, "-c", code], capture_output=True, check=False)
    return "" if done.returncode == 0 else "it is not installed in the environment of the peers"


def step(way: str, module: str, *arguments: str | Path, shown: str = "") -> Way:
    """Return one of our own steps as a way."""
    return Way(
        name=shown or way, command=(sys.executable, "-m", f"{STEPS}.{module}", way, *(str(one) for one in arguments))
    )


def prepared(setting: Setting, study: Study) -> Path:
    """Lay out a study as every way of a step reads it; once."""
    truth = () if study.truth is None else ("--truth", str(study.truth))
    name = f"prepared_{study.name.replace(' ', '_')}"
    return setting.made(name, "-m", f"{STEPS}.prepare", *truth, str(study.dicom))
