"""Complete downloads: the Data Package, Parquet, and the size and digest of what an export of a whole collection
answers."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from app.query.dataset import About, Download
from app.query.downloads import DATASET_FILES, PACKAGE, format_of
from app.query.formats import FORMATS, IN_MEMORY_ROWS, MAX_XLSX_ROWS, Workbook, export_path
from app.query.resource import Resource
from app.resources import RESOURCES
from app.resources.documents import DOCUMENTS
from app.seeding.data_package import descriptor
from app.seeding.parquet import write_parquet
from app.seeding.rendered_records import RenderedRecords


@dataclass(frozen=True)
class Downloads:
    """Makes the downloads of one dataset. `about` has no downloads yet."""

    rendered: RenderedRecords
    about: About
    folder: Path

    def ndjson(self, resource: Resource) -> Download:
        return self._export(resource, "ndjson", (b"%b\n" % record for record in self.rendered.records(resource)))

    def workbook(self, resource: Resource) -> Download:
        """Size and digest are unknown if there are too many rows for a workbook."""
        path, count = export_path(resource, "xlsx"), self.rendered.counts[resource.name]
        if count > MAX_XLSX_ROWS:
            return Download(path=path, media_type=FORMATS["xlsx"].media_type, rows=count, bytes=None, sha256=None)
        with TemporaryFile(dir=self.folder) as file:
            book = Workbook(file, resource, self.about, folder=self.folder if count > IN_MEMORY_ROWS else None)
            book.add(self.rendered.records(resource))
            book.close()
            file.seek(0)
            return self._export(resource, "xlsx", file)

    def parquet(self, resource: Resource) -> Download:
        name = f"{resource.name}.parquet"
        write_parquet(self.folder / name, resource, self.about, self.rendered.records(resource))
        return self.file(name, self.rendered.counts[resource.name])

    def package(self) -> list[Download]:
        """A Data Package (v2) that is a Fiscal Data Package too: the CSV files of all resources, and datapackage.json,
        which describes them."""
        day = tuple(map(int, self.about.version.released.split("-")))

        def entry(name: str) -> zipfile.ZipInfo:
            info = zipfile.ZipInfo(name, date_time=(*day, 0, 0, 0))  # type: ignore[arg-type]
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            return info

        tables = []
        with zipfile.ZipFile(self.folder / PACKAGE, "w", zipfile.ZIP_DEFLATED) as package:
            for resource in RESOURCES:
                with package.open(entry(f"{resource.name}.csv"), "w", force_zip64=True) as file:
                    tables.append(self._export(resource, "csv", self.rendered.csv(resource), file))
            documents = self.rendered.records(DOCUMENTS)
            package.writestr(entry("datapackage.json"), descriptor(self.about, documents, tables))
        return [self.file(PACKAGE), *tables]

    def file(self, name: str, rows: int | None = None) -> Download:
        """A file of the folder: a collection of so many rows, or the whole dataset."""
        media_type = format_of(name).media_type
        with (self.folder / name).open("rb") as file:
            digest, size = file_digest(file, "sha256").hexdigest(), file.tell()
        return Download(path=f"/v1/exports/{name}", media_type=media_type, rows=rows, bytes=size, sha256=digest)

    def _export(
        self, resource: Resource, extension: str, texts: Iterable[bytes], to: IO[bytes] | None = None
    ) -> Download:
        """What an export of these parts answers; they are written to a file too, where one is given."""
        digest, size = sha256(), 0
        for text in texts:
            digest.update(text)
            size += len(text)
            if to:
                to.write(text)
        return Download(
            path=export_path(resource, extension),
            media_type=FORMATS[extension].media_type,
            rows=self.rendered.counts[resource.name],
            bytes=size,
            sha256=digest.hexdigest(),
        )


def in_order(made: Iterable[Download]) -> list[Download]:
    """Downloads in the order in which they are listed."""
    paths = [f"/v1/exports/{name}" for name in DATASET_FILES]
    paths.extend(export_path(resource, extension) for resource in RESOURCES for extension in FORMATS)
    return sorted(made, key=lambda download: paths.index(download.path))
