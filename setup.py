"""What pyproject.toml cannot say: the wheel carries ``registry.yaml``, which lies at the root of the source tree."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

REGISTRY = "registry.yaml"


class BuildWithRegistry(build_py):
    """Puts the registry among the package's assets, where an installed aubench looks for it last."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = self._registry()
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(REGISTRY, str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        carried = [] if self.editable_mode else [str(self._registry())]
        return [*super().get_outputs(include_bytecode), *carried]

    def _registry(self) -> Path:
        return Path(self.build_lib) / "aubench" / "assets" / REGISTRY


setup(cmdclass={"build_py": BuildWithRegistry})
