"""Rule files become a rule set, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline import yaml_places
from pipeline.errors import FileError, Mistake, RulesError
from pipeline.rules.compile import Compiler
from pipeline.rules.compiled import AnyRule, RuleSet


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and all *.yml and *.yaml below the folders, in order of name."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.rglob("*.y*ml") if file.suffix in (".yml", ".yaml"))
        else:
            files.append(path)
    return files


def load(paths: Sequence[Path]) -> RuleSet:
    """Read rule files and folders. Raises RulesError with all mistakes, or FileError."""
    files = rule_files(paths)
    if not files:
        raise FileError(f"{', '.join(map(str, paths))}: no rule files (*.yml) are there")
    mistakes: list[Mistake] = []
    rules: dict[str, AnyRule] = {}
    first_seen: dict[str, str] = {}
    for file in files:
        document = yaml_places.read(file)
        mistakes += document.mistakes
        if document.mistakes and document.data is None:
            continue
        compiler = Compiler(document)
        for rule, path in compiler.compile():
            line, _ = document.places[path]
            if rule.id in first_seen:
                at = (*path, "id")
                mistakes.append(
                    document.mistake(at, f'the id "{rule.id}" is taken, by {first_seen[rule.id]}')
                )
            first_seen.setdefault(rule.id, f"{file}:{line}")
            rules.setdefault(rule.id, rule)
        mistakes += compiler.mistakes
    if mistakes:
        raise RulesError(mistakes)
    return rule_set(rules.values())


def rule_set(rules: Iterable[AnyRule]) -> RuleSet:
    """A rule set with its version, from compiled rules."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.id))
    digests = "\n".join(f"{rule.id} {rule.digest}" for rule in ordered)
    return RuleSet(ordered, hashlib.blake2b(digests.encode(), digest_size=6).hexdigest())
