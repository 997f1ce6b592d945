"""What ships names only what exists: paths, commands, settings, and no index or host in a lock."""

import json
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILE, COMPOSE, README = ROOT / "Dockerfile", ROOT / "compose.yaml", ROOT / "README.md"
LOCKS = sorted(ROOT.glob("requirements*.lock"))
ANSWERS_AT = "http://127.0.0.1:8080/healthz"


@cache
def help_of(*command: str) -> str:
    """What `sonopost … --help` prints; it must know the command."""
    run = subprocess.run(
        [sys.executable, "-m", "app", *command, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, f"sonopost {' '.join(command)}: {run.stderr}"
    return run.stdout


def assert_sonopost_knows(arguments: list[str]) -> None:
    """The subcommand exists and its help names each option."""
    assert arguments[:1], "a command without a subcommand"
    text = help_of(arguments[0])
    for option in (each.split("=")[0] for each in arguments[1:] if each.startswith("--")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), f"{arguments[0]} {option}"


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def instructions() -> list[tuple[str, str]]:
    """(word, rest) of each Dockerfile instruction, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", DOCKERFILE.read_text())
    lines = (line.strip() for line in text.splitlines())
    split = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return [(word, rest) for word, _, rest in split]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def own_services() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose()["services"].items() if "build" in service}


def shell_lines() -> list[str]:
    """The command lines of the README's shell blocks, without prompts and comments."""
    blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_all_that_the_image_copies_is_here_and_reaches_the_build() -> None:
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    let_through = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert "app" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(Path(source).match(kept) or source.split("/")[0] == kept for kept in let_through), source


def test_the_image_takes_from_a_stage_that_exists_and_runs_as_nobody_special() -> None:
    stages = {rest.split()[-1] for word, rest in instructions() if word == "FROM" and " AS " in rest}
    taken = {match for _, rest in instructions() for match in re.findall(r"--from=(\S+)", rest)}
    assert taken == stages
    (user,) = (rest for word, rest in instructions() if word == "USER")
    assert user == "10001:10001"


def test_the_image_starts_a_command_that_exists_and_asks_it_for_its_health() -> None:
    (entry,) = (json.loads(rest) for word, rest in instructions() if word == "ENTRYPOINT")
    (command,) = (json.loads(rest) for word, rest in instructions() if word == "CMD")
    assert entry == ["sonopost"]
    assert_sonopost_knows(command)
    (health,) = (rest for word, rest in instructions() if word == "HEALTHCHECK")
    probe = json.loads(health[health.index("[") :])
    compile(probe[2], "HEALTHCHECK", "exec")
    assert ANSWERS_AT in probe[2]
    assert command[command.index("--port") + 1] == "8080"


def test_the_image_is_built_by_make_targets_that_exist() -> None:
    runs = " && ".join(rest for word, rest in instructions() if word == "RUN")
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", runs))
    assert "setup" in named
    assert named <= make_targets()


def test_every_module_that_make_runs_exists() -> None:
    modules = set(re.findall(r"\$\(PY\) -m ([a-z][\w.]*)", (ROOT / "Makefile").read_text()))
    assert "app" in modules
    assert [module for module in modules if find_spec(module) is None] == []


def test_the_scaled_out_form_runs_commands_that_exist() -> None:
    services = own_services()
    assert {service["command"][0] for service in services.values()} == {"serve", "worker", "migrate"}
    assert "--no-worker" in services["server"]["command"]
    for service in services.values():
        assert_sonopost_knows(service["command"])
        assert service["read_only"] is True


def test_the_scaled_out_form_names_only_services_volumes_and_secrets_that_it_has() -> None:
    form = compose()
    for service in form["services"].values():
        assert set(service.get("depends_on", {})) <= set(form["services"])
        assert set(service.get("secrets", [])) <= set(form["secrets"])
        named = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert named <= set(form["volumes"])
        for value in service.get("environment", {}).values():
            for secret in re.findall(r"/run/secrets/(\w+)", str(value)):
                assert secret in service["secrets"]


def test_every_setting_named_in_what_ships_exists() -> None:
    known = {f"SONOPOST_{name}".upper() for name in Settings.model_fields}
    texts = [path.read_text() for path in (DOCKERFILE, COMPOSE, README)]
    named = {name.upper() for text in texts for name in re.findall(r"\bSONOPOST_[A-Z0-9_]*[A-Z0-9]\b", text)}
    named |= {secret.upper() for secret in compose()["secrets"] if secret.startswith("sonopost_")}
    assert named
    assert named - known == set()


def test_every_command_in_the_readme_exists() -> None:
    lines = shell_lines()
    assert any(line.startswith("make ") for line in lines), "the README shows no command"
    for line in lines:
        words = [word for word in shlex.split(line, comments=True) if not re.match(r"[A-Z_0-9]+=", word)]
        if words[:1] == ["make"]:
            assert set(words[1:]) <= make_targets(), line
        elif words[:1] in (["sonopost"], [".venv/bin/sonopost"]):
            assert_sonopost_knows(words[1:])
        elif words[1:3] == ["-m", "app"]:
            assert_sonopost_knows(words[3:])
        elif words[:1] and words[0].startswith(("./", ".ci/")):
            assert os.access(ROOT / words[0], os.X_OK), line


def test_every_file_that_the_readme_links_to_exists() -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", README.read_text())
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_continuous_integration_calls_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["sh", "-n", script]).returncode == 0
    assert "exec make test" in script.read_text()
    assert any(line.startswith("make test") for line in shell_lines())


@pytest.mark.parametrize("lock", [*LOCKS, ROOT / "package-lock.json"], ids=lambda path: path.name)
def test_a_lock_names_no_index_and_no_host(lock: Path) -> None:
    found = re.findall(r'.*(?:://|--(?:extra-)?index|--find-links|--trusted|"resolved").*', lock.read_text())
    assert found == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pinned_package_has_a_hash(lock: Path) -> None:
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_requirement_has_its_reason_and_its_pin() -> None:
    for source in sorted(ROOT.glob("requirements*.in")):
        pinned = source.with_suffix(".lock").read_text()
        for line in source.read_text().splitlines():
            requirement, _, reason = line.partition("#")
            if requirement.strip() and not requirement.startswith("-c"):
                name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
                assert len(reason.strip()) > 3, f"{source.name}: {name}"
                assert re.search(rf"^{re.escape(name)}(\[.*\])?==", pinned, re.MULTILINE), f"{source.name}: {name}"


def test_every_setting_is_read_and_no_time_out_is_a_constant_of_its_own() -> None:
    """A limit that nothing reads would be a promise; one beside the settings no operator could change."""
    paths = [path for path in (ROOT / "app").rglob("*.py") if path.name != "config.py"]
    source = "\n".join(path.read_text() for path in paths)
    read = source + (ROOT / "app" / "config.py").read_text().partition("@property")[2]
    assert [name for name in Settings.model_fields if not re.search(rf"\.{name}\b", read)] == []
    assert re.findall(r"^\w*(?:WAIT|TIMEOUT|READER)_S = .*|^MOST_FRAMES\b.*", source, re.MULTILINE) == []
