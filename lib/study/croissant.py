"""A Croissant file (MLCommons): the files of a data set, their digests and their columns, in a form that machines read.

`python -m lib.study.croissant` writes that of data/scores anew.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow

from lib.core import artifacts, paths

_OF_CROISSANT = (
    *(
        "citeAs",
        "column",
        "equivalentProperty",
        "extract",
        "field",
        "fileProperty",
        "fileObject",
        "fileSet",
        "format",
        "includes",
    ),
    *(
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
    ),
    *("samplingRate", "separator", "source", "subField", "transform"),
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _OF_CROISSANT},
}
_FORMATS = {".parquet": "application/x-parquet", ".gz": "text/csv"}
_TYPES = (
    (pyarrow.types.is_boolean, "sc:Boolean"),
    (pyarrow.types.is_integer, "sc:Integer"),
    (pyarrow.types.is_floating, "sc:Float"),
    (pyarrow.types.is_nested, None),
)
"""What Croissant calls the types of Arrow. A column of lists of plain values repeats; other nested ones are left out."""
SCORES = paths.ROOT / "data" / "scores"


def croissant(name: str, folder: Path, *, about: Mapping[str, Any], tables: Mapping[str, Path]) -> dict[str, Any]:
    """The content of a Croissant file for tables that lie under a folder, each by the name that it is to have."""
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        **about,
        "distribution": [_file(folder, path) for path in tables.values()],
        "recordSet": [_records(record, folder, path) for record, path in tables.items()],
    }


def _file(folder: Path, path: Path) -> dict[str, Any]:
    place = path.relative_to(folder).as_posix()
    return {
        "@type": "cr:FileObject",
        "@id": place,
        "name": place,
        "contentUrl": place,
        "encodingFormat": _FORMATS[path.suffix],
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _records(record: str, folder: Path, path: Path) -> dict[str, Any]:
    schema = pyarrow.Table.from_pandas(artifacts.read_table(path), preserve_index=False).schema
    fields = [field for column in schema for field in _field(record, path.relative_to(folder).as_posix(), column)]
    return {"@type": "cr:RecordSet", "@id": record, "name": record, "field": fields}


def _field(record: str, place: str, column: pyarrow.Field) -> Iterator[dict[str, Any]]:
    """A column; nothing for one that holds more than plain values and lists of these."""
    repeated = pyarrow.types.is_list(column.type)
    held = column.type.value_type if repeated else column.type
    data_type = next((name for is_so, name in _TYPES if is_so(held)), "sc:Text")
    if data_type:
        yield {
            "@type": "cr:Field",
            "@id": f"{record}/{column.name}",
            "name": column.name,
            "dataType": data_type,
            **({"repeated": True} if repeated else {}),
            "source": {"fileObject": {"@id": place}, "extract": {"column": column.name}},
        }


def of_scores() -> dict[str, Any]:
    """The content of the Croissant file of data/scores."""
    about = {
        "description": "Scores of students that learned from mixes of texts by people and by language models: a row for "
        "each training run and evaluation set, with numbers of examples and prices. It holds no texts.",
        "license": "https://www.apache.org/licenses/LICENSE-2.0",
        "version": "0.1.0",
        "datePublished": "2026-11-28",
        "citeAs": "CITATION.cff of the repository",
        "creator": {"@type": "sc:Organization", "name": "the authors of human-or-model-data"},
    }
    tables = {path.name.partition(".")[0]: path for path in sorted(SCORES.glob("*.csv.gz"))}
    return croissant("human-or-model-data-scores", SCORES, about=about, tables=tables)


def write_croissant(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a Croissant file."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    paths.write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    write_croissant(SCORES / "croissant.json", of_scores())
