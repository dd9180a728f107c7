"""Members of a team on their way to another machine: settings, with the files that they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collm.models.config import ModelConfig
from collm.models.loading import looks_local
from collm.placement.parcels import Parcel, packed, unpacked

_EMBEDDED = "collm:"


@dataclass(frozen=True, slots=True)
class Travelling:
    """The settings of an agent or a critic, with the files that they name.

    Attributes:
        config: as the recipe has it.
        parcels: by name of the setting; hub ids and models of this package need none.
        saved: the role's folder in a checkpoint, if there is one.
    """

    config: ModelConfig
    parcels: dict[str, Parcel]
    saved: Parcel | None

    @staticmethod
    def of(config: ModelConfig, saved: Path | None) -> Travelling:
        """Pack whatever lies on this machine's disk."""
        paths = {
            key: Path(value).expanduser()
            for key in ("model", "tokenizer", "chat_template")
            if (value := getattr(config, key, None)) is not None
            and not value.startswith(_EMBEDDED)
            and (key == "chat_template" or looks_local(value))
        }
        parcels = {key: packed(path) for key, path in paths.items() if path.exists()}
        return Travelling(config, parcels, None if saved is None else packed(saved))

    def arrived(self, folder: Path) -> tuple[ModelConfig, Path | None, dict[str, str]]:
        """The settings with files of this machine, the checkpoint's folder, and what to call the files."""
        places = {}
        for key, parcel in self.parcels.items():
            places[key] = folder / key
            unpacked(parcel, places[key])
        names = {str(place): getattr(self.config, key) for key, place in places.items()}
        saved = None
        if self.saved is not None:
            saved = folder / "saved"
            unpacked(self.saved, saved)
        changed = {key: str(place) for key, place in places.items()}
        return self.config.model_copy(update=changed), saved, names
