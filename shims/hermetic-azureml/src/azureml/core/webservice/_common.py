"""What services of both kinds are told in the same way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azureml.core._node import Json


@dataclass
class ContainerResourceRequirements:
    """What each replica asks for."""

    cpu: float | None
    memory_in_gb: float | None
    cpu_limit: float | None = None
    memory_in_gb_limit: float | None = None
    gpu: int | None = None

    @staticmethod
    def deserialize(told: Json | None) -> "ContainerResourceRequirements | None":
        """Return what is told."""
        if told is None:
            return None
        names = ("cpu", "memoryInGB", "cpuLimit", "memoryInGBLimit", "gpu")
        return ContainerResourceRequirements(*(told.get(name) for name in names))


def common(asked: Mapping[str, Any], kind: str, name: str, image: Json) -> Json:
    """Return the members that every deployment has."""
    return {
        "name": name,
        "description": asked["description"],
        "kvTags": asked["tags"],
        "properties": asked["properties"] or {},
        "keys": {"primaryKey": asked["primary_key"], "secondaryKey": asked["secondary_key"]},
        "computeType": kind,
        "environmentImageRequest": image,
        "location": asked.get("location"),
    }


def collecting(asked: Mapping[str, Any]) -> Json:
    """Return the member that lets inputs be collected, where that is asked for."""
    if not asked["collect_model_data"]:
        return {}
    return {"dataCollection": {"storageEnabled": True, "eventHubEnabled": False}}
