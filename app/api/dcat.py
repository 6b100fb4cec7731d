"""The dataset for catalogues (DCAT 3) and for search engines (schema.org)."""

from collections.abc import Iterable, Mapping
from typing import Any

from app import __version__
from app.query.citations import PUBLISHER
from app.query.dataset import Dataset, Download
from app.query.vocabulary import Concept
from app.schemas import Name

MEDIA_TYPE = "application/ld+json"
PATH = "/v1/exports/catalog.jsonld"

IANA = "https://www.iana.org/assignments/media-types/"
SERVICE = Name(ja="施策 API", en="Shisaku API", en_official=False)
LANGUAGES = {"ja": "http://id.loc.gov/vocabulary/iso639-1/ja", "en": "http://id.loc.gov/vocabulary/iso639-1/en"}
# Paths of records, which identify what they describe.
DOCUMENT, ORGANIZATION, MODALITY = "/v1/documents/", "/v1/organizations/", "/v1/modalities/"

# Inline, so that it can be read without a request to another host.
CONTEXT: Mapping[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "org": "http://www.w3.org/ns/org#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def entry(dataset: Dataset, prefix: str) -> dict[str, Any]:
    """The catalogue entry: the dataset, the service that answers from it, each file of it, and the organizations and
    kinds of medicine that it is about, with their addresses in other registers."""
    version = dataset.version
    organizations, modalities = _concepts(dataset, "organization"), _concepts(dataset, "modality")
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
                "dct:publisher": {"@type": "foaf:Agent", "foaf:name": PUBLISHER},
                "dct:language": [{"@id": language} for language in LANGUAGES.values()],
                "dct:rights": {
                    "@type": "dct:RightsStatement",
                    "@id": f"{prefix}/terms",
                    "rdfs:label": dataset.attribution,
                },
                "dcat:landingPage": {"@type": "foaf:Document", "@id": f"{prefix}/docs"},
                "prov:wasDerivedFrom": [
                    {
                        "@id": f"{prefix}{DOCUMENT}{concept.id}",
                        "@type": "prov:Entity",
                        "dct:title": _both(concept.label),
                        "dct:publisher": {"@id": f"{prefix}{ORGANIZATION}{dataset.about.issuers[concept.id]}"},
                    }
                    for concept in _concepts(dataset, "document")
                ],
                "dct:subject": [{"@id": f"{prefix}{ORGANIZATION}{concept.id}"} for concept in organizations],
                "dcat:theme": [{"@id": f"{prefix}{MODALITY}{concept.id}"} for concept in modalities],
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
            *(_agent(concept, prefix) for concept in organizations),
            *(_theme(concept, prefix) for concept in modalities),
        ],
    }


def _agent(concept: Concept, prefix: str) -> dict[str, Any]:
    return {
        "@id": f"{prefix}{ORGANIZATION}{concept.id}",
        "@type": "foaf:Organization",
        "foaf:name": _both(concept.label),
        "org:subOrganizationOf": [{"@id": f"{prefix}{ORGANIZATION}{concept.broader}"}] if concept.broader else [],
        "owl:sameAs": [{"@id": address} for address in _addresses(concept)],
    }


def _theme(concept: Concept, prefix: str) -> dict[str, Any]:
    return {
        "@id": f"{prefix}{MODALITY}{concept.id}",
        "@type": "skos:Concept",
        "skos:prefLabel": _both(concept.label),
        "skos:broader": [{"@id": f"{prefix}{MODALITY}{concept.broader}"}] if concept.broader else [],
        "skos:exactMatch": [{"@id": address} for address in _addresses(concept)],
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
        "creator": {"@type": "Organization", "name": PUBLISHER},
        "isBasedOn": [
            {
                "@type": "CreativeWork",
                "@id": f"{prefix}{DOCUMENT}{concept.id}",
                "name": _both(concept.label),
                "publisher": {"@id": f"{prefix}{ORGANIZATION}{dataset.about.issuers[concept.id]}"},
            }
            for concept in _concepts(dataset, "document")
        ],
        "about": [
            {"@type": "DefinedTerm", "@id": f"{prefix}{MODALITY}{concept.id}", **_named(concept)}
            for concept in _concepts(dataset, "modality")
        ],
        "mentions": [
            {"@type": "Organization", "@id": f"{prefix}{ORGANIZATION}{concept.id}", **_named(concept)}
            for concept in _concepts(dataset, "organization")
        ],
        "inLanguage": ["ja", "en"],
        "isAccessibleForFree": True,
        "creditText": dataset.attribution,
        "usageInfo": f"{prefix}/terms",
        "distribution": [
            {"@type": "DataDownload", "contentUrl": f"{prefix}{each.path}", "encodingFormat": each.media_type}
            for each in dataset.about.downloads
        ],
    }


def _named(concept: Concept) -> dict[str, Any]:
    return {"name": _both(concept.label), "sameAs": _addresses(concept)}


def _concepts(dataset: Dataset, vocabulary: str) -> Iterable[Concept]:
    return dataset.vocabularies[vocabulary].concepts.values()


def _addresses(concept: Concept) -> list[str]:
    """Where other registers have the same thing; a concept's other codes are its numbers there."""
    return [code for code in concept.codes if code.startswith("http")]


def _both(name: Name) -> list[dict[str, str]]:
    return [{"@language": "ja", "@value": name.ja}, {"@language": "en", "@value": name.en}]
