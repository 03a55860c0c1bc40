"""Builds the web page into the package."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebPage(BuildHookInterface):
    def initialize(self, version, build_data):
        pass
