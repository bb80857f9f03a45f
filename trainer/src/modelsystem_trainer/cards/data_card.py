"""`croissant.json`: the data in the Croissant format, made from the manifest.

See https://docs.mlcommons.org/croissant/docs/croissant-spec.html, version 1.0.
"""

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from modelsystem_shared.manifest import Data, DataFile, Manifest
from modelsystem_shared.profile import FileProfile

NAME = "croissant.json"
Json = dict[str, object]
_CONFORMS = "http://mlcommons.org/croissant/1.0"
_CONTEXT: Json = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs",
    "column": "cr:column", "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated",
    "replace": "cr:replace", "samplingRate": "cr:samplingRate", "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
_MEANINGS = {
    "user_id": "id of the user",
    "item_id": "id of the item",
    "rating": "how much the user liked the item",
    "weight": "how much the interaction counts",
    "timestamp": "time of the interaction",
    "tenant_id": "tenant of the row",
    "title": "title of the item",
}


def document(manifest: Manifest) -> bytes:
    """Return the card: each file with its digest, and a record set for each file that was read."""
    data = manifest.model["data"]
    location = data["location"]
    card = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS,
        "name": f"export-of-build-{manifest.build}",
        "description": (
            f"The export that build {manifest.build} was trained on: {data['interactions']:,} "
            f"interactions of {data['users']:,} users with {data['items']:,} items."
        ),
        "version": "1.0.0",
        "datePublished": manifest.run["started"],
        "url": location if "://" in location else f"file://{quote(location)}",
        "distribution": [_file(location, *numbered) for numbered in enumerate(data["files"], 1)],
        "recordSet": list(_record_sets(data)),
    }
    return (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode()


def _file(location: str, number: int, file: DataFile) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": f"file-{number}",  # a name can have blanks, which no id may have
        "name": file["name"],
        "contentUrl": _url(location, file["name"]),
        "contentSize": f"{file['bytes']} B",
        "encodingFormat": "text/csv",  # of a compressed file too: readers see that themselves
        "sha256": file["sha256"],
    }


def _url(location: str, name: str) -> str:
    """Return the URL of a file of the export, or its path if that is a local folder."""
    return f"{location}/{quote(name) if '://' in location else name}"


def _record_sets(data: Data) -> Iterator[Json]:
    files: Sequence[FileProfile] = data["profile"]["files"] if "profile" in data else []
    numbers = {file["name"]: number for number, file in enumerate(data["files"], 1)}
    for file in files:
        number = numbers[file["name"]]
        yield {
            "@type": "cr:RecordSet",
            "@id": f"records-{number}",
            "name": file["name"],
            "description": f"{file['rows']:,} rows of {file['kind']}",
            "field": [_field(number, ours, theirs) for ours, theirs in file["columns"].items()],
        }


def _field(number: int, ours: str, theirs: str) -> Json:
    return {
        "@type": "cr:Field",
        "@id": f"records-{number}/{ours}",
        "name": theirs,
        "description": _MEANINGS.get(ours, ours),
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": f"file-{number}"}, "extract": {"column": theirs}},
    }
