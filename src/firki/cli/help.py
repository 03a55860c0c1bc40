"""What --help shows, in the words of the command reference: plain, because boxes are slow to draw.

Any in this file: click's types are vendored by typer, under a private name.
"""

from typing import Any

from typer.core import TyperCommand, TyperGroup


def place(argument: Any) -> str:
    """An argument as it stands in a call: KEY, [DATE], TEXT..."""
    name = f"{argument.metavar or argument.name.upper()}{'...' if argument.nargs == -1 else ''}"
    return name if argument.required else f"[{name}]"


def split(command: Any) -> tuple[list[Any], list[Any]]:
    """A command's arguments, and its options but for --help."""
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    return arguments, [param for param in shown if param.param_type_name == "option"]


def usage(command: Any) -> str:
    """What follows the command's name in a call."""
    arguments, options = split(command)
    return " ".join([*map(place, arguments), *(["[OPTIONS]"] * bool(options))])


class Command(TyperCommand):
    """A command."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [usage(self)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        arguments, _ = split(self)
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl([(place(one), one.help or "") for one in arguments])
        options = [one for one in self.get_params(ctx) if one.param_type_name == "option"]
        with formatter.section("Options"):
            formatter.write_dl([one.get_help_record(ctx) for one in options])


class Group(TyperGroup):
    """Commands in panels, in the order they were added."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for panel, commands in self._panels().items():
            with formatter.section(panel):
                formatter.write_dl([(one.name, one.get_short_help_str()) for one in commands])

    def _panels(self) -> dict[str, list[Any]]:
        panels: dict[str, list[Any]] = {}
        command: Any
        for command in self.commands.values():
            panels.setdefault(command.rich_help_panel or "Commands", []).append(command)
        return panels
