"""Rule files become a rule set, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import yaml_places
from pipeline.errors import FileError, Mistake, RulesError
from pipeline.rules.compile import Compiler
from pipeline.rules.compiled import AnyRule, RuleSet

#: How the name of a file with tests of rules ends.
TESTS = ".test.yml"


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and all *.yml and *.yaml below the folders but tests and what is hidden, in order of name; each once."""
    files: dict[Path, Path] = {}
    for path in paths:
        found = (
            sorted(
                file
                for file in path.rglob("*.y*ml")
                if file.suffix in (".yml", ".yaml")
                and not file.name.endswith(TESTS)
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
            if path.is_dir()
            else [path]
        )
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def load(paths: Sequence[Path], language: str = "en") -> RuleSet:
    """Read rule files and folders. language: of what alerts say. Raises RulesError with all mistakes, or FileError."""
    files = rule_files(paths)
    if not files:
        raise FileError(f"{', '.join(map(str, paths))}: no rule files (*.yml) are there")
    mistakes: list[Mistake] = []
    rules: list[AnyRule] = []
    taken: dict[str, str] = {}
    for file in files:
        document = yaml_places.read(file)
        mistakes += document.mistakes
        if document.mistakes and document.data is None:
            continue
        compiler = Compiler(document, language)
        rules += compiler.compile()
        found = compiler.mistakes
        for rule_id, path in compiler.ids():
            line, _ = document.values[path]
            if rule_id in taken:
                found.append(
                    document.mistake(
                        path, f'the id "{rule_id}" is taken, by {taken[rule_id]}; choose another'
                    )
                )
            taken.setdefault(rule_id, f"{file}:{line}")
        said = {(mistake.line, mistake.column) for mistake in document.mistakes}
        mistakes += (mistake for mistake in found if (mistake.line, mistake.column) not in said)
    if mistakes:
        raise RulesError(mistakes)
    return replace(rule_set(rules), disabled=frozenset(taken) - {rule.id for rule in rules})


def rule_set(rules: Iterable[AnyRule]) -> RuleSet:
    """A rule set with its version, from compiled rules."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.id))
    digests = "\n".join(f"{rule.id} {rule.digest}" for rule in ordered)
    return RuleSet(ordered, hashlib.blake2b(digests.encode(), digest_size=6).hexdigest())
