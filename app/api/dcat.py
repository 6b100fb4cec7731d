"""The dataset for catalogues (DCAT 3) and for search engines (schema.org)."""

from collections.abc import Mapping
from typing import Any

from app import __version__
from app.query.dataset import Dataset, Download
from app.schemas import Name

MEDIA_TYPE = "application/ld+json"
PATH = "/v1/exports/catalog.jsonld"

IANA = "https://www.iana.org/assignments/media-types/"
SERVICE = Name(ja="施策 API", en="Shisaku API", en_official=False)
LANGUAGES = {"ja": "http://id.loc.gov/vocabulary/iso639-1/ja", "en": "http://id.loc.gov/vocabulary/iso639-1/en"}

# Inline, so that it can be read without a request to another host.
CONTEXT: Mapping[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def entry(dataset: Dataset, prefix: str) -> dict[str, Any]:
    """The catalogue entry: the dataset, the service that answers from it, and each file of it."""
    version = dataset.version
    downloads = [each for each in dataset.about.downloads if each.bytes is not None]
    return {
        "@context": CONTEXT,
        "@graph": [
            {
                "@id": f"{prefix}/v1#dataset",
                "@type": "dcat:Dataset",
                "dct:title": _both(dataset.about.name),
                "dct:description": _both(dataset.about.description),
                "dct:identifier": f"shisaku-{version.digest}",
                "dcat:version": version.version,
                "dct:issued": {"@type": "xsd:date", "@value": version.released},
                "dct:language": [{"@id": language} for language in LANGUAGES.values()],
                "dct:rights": {
                    "@type": "dct:RightsStatement",
                    "@id": f"{prefix}/terms",
                    "rdfs:label": dataset.attribution,
                },
                "dcat:landingPage": {"@type": "foaf:Document", "@id": f"{prefix}/docs"},
                "prov:wasDerivedFrom": [
                    {
                        "@id": f"{prefix}/v1/documents/{term.id}",
                        "@type": "prov:Entity",
                        "dct:title": _both(term.label),
                    }
                    for term in dataset.vocabularies["document"].terms.values()
                ],
                "dcat:distribution": [{"@id": f"{prefix}{each.path}"} for each in downloads],
            },
            {
                "@id": f"{prefix}/v1#service",
                "@type": "dcat:DataService",
                "dct:title": _both(SERVICE),
                "dcat:version": __version__,
                "dcat:endpointURL": {"@id": f"{prefix}/v1"},
                "dcat:endpointDescription": {"@id": f"{prefix}/openapi.json"},
                "dcat:servesDataset": {"@id": f"{prefix}/v1#dataset"},
            },
            *(_distribution(each, prefix) for each in downloads),
        ],
    }


def _distribution(download: Download, prefix: str) -> dict[str, Any]:
    return {
        "@id": f"{prefix}{download.path}",
        "@type": "dcat:Distribution",
        "dct:title": download.path.rpartition("/")[2],
        "dcat:accessURL": {"@id": f"{prefix}/v1/exports"},
        "dcat:downloadURL": {"@id": f"{prefix}{download.path}"},
        "dcat:mediaType": {"@type": "dct:MediaType", "@id": f"{IANA}{download.media_type}"},
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(download.bytes)},
        "dcat:accessService": {"@id": f"{prefix}/v1#service"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@type": "xsd:hexBinary", "@value": download.sha256},
        },
    }


def schema_org(dataset: Dataset, prefix: str) -> dict[str, Any]:
    """The dataset in the vocabulary of schema.org, for pages to embed."""
    about, version = dataset.about, dataset.version
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": _both(about.name),
        "description": about.description.en,
        "version": version.version,
        "datePublished": version.released,
        "identifier": version.digest,
        "inLanguage": ["ja", "en"],
        "isAccessibleForFree": True,
        "creditText": dataset.attribution,
        "usageInfo": f"{prefix}/terms",
        "distribution": [
            {"@type": "DataDownload", "contentUrl": f"{prefix}{each.path}", "encodingFormat": each.media_type}
            for each in dataset.about.downloads
        ],
    }


def _both(name: Name) -> list[dict[str, str]]:
    return [{"@language": "ja", "@value": name.ja}, {"@language": "en", "@value": name.en}]
