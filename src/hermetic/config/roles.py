"""Which tree of settings belongs to which role."""

from hermetic.config.compute import ComputeSettings
from hermetic.config.settings import Settings
from hermetic.config.tree import Tree
from hermetic.config.web import WebSettings

ROLES: dict[str, type[Tree]] = {"box": Settings, "web": WebSettings, "compute": ComputeSettings}
"""The trees by the word that a command takes."""
