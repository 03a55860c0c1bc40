"""``firki doctor``: is all there that firki needs."""

import os
from typing import TYPE_CHECKING

import typer

from firki.cli.exits import BROKE
from firki.cli.options import AsJson, ConfigFile, OfDemo, settings_of
from firki.cli.text import dump

if TYPE_CHECKING:
    from firki.app.doctor.finding import Finding

_MARKS = {"ok": "ok     ", "warning": "WARNING", "failure": "FAILURE"}


def doctor(as_json: AsJson = False, demo: OfDemo = False, config: ConfigFile = None) -> None:
    """Check folder, disk, clock, port, accounts, calendar, kernels and sockets.

    Each check is ok, a warning or a failure, with what to do; exit code 1 when one has failed.
    """
    from firki.app.doctor.examine import examine
    from firki.app.doctor.finding import Level, failure
    from firki.errors import ConfigError

    findings: list[Finding] = []
    try:
        settings = settings_of(config, demo=demo)
    except ConfigError as error:
        findings.append(failure("settings", str(error), "mend these; nothing else was looked at"))
        if not as_json:
            typer.echo(_line(findings[0]))
    else:
        for finding in examine(settings, os.environ):
            findings.append(finding)
            if not as_json:
                typer.echo(_line(finding))
    failed = any(finding.level is Level.FAILURE for finding in findings)
    if as_json:
        import msgspec

        typer.echo(dump({"healthy": not failed, "checks": msgspec.to_builtins(findings)}))
    if failed:
        raise typer.Exit(BROKE)


def _line(finding: "Finding") -> str:
    lines = [f"{_MARKS[finding.level]}  {finding.check}: {finding.found}"]
    if finding.level != "ok":
        lines += [f"           {detail}" for detail in finding.details]
        lines.append(f"         > {finding.advice}")
    return "\n".join(lines)
