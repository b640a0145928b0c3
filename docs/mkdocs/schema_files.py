"""Write the JSON Schemas of result files, made from their models: ``python docs/mkdocs/schema_files.py``."""

from __future__ import annotations

import json
from pathlib import Path

from aubench.compare.schema import Comparison
from aubench.report.schema import Report

FOLDER = Path(__file__).resolve().parent.parent / "reference"
SCHEMAS = {"report.schema.json": Report, "comparison.schema.json": Comparison}


def text(name: str) -> str:
    """What a file of :data:`SCHEMAS` holds."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[name].model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in SCHEMAS:
        (FOLDER / name).write_text(text(name), encoding="utf-8")
