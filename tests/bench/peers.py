"""The peers, Datasette and roapi, as their own documentation sets them up for a file that never changes; it imports
nothing that their environment does not have.

    .venv-bench/bin/python -m tests.bench.peers DATABASE PORT
"""

import sys
from pathlib import Path

LIMIT_MS = 60_000  # of a query: a slow answer is an answer too


def serve(database: Path, port: int) -> None:
    """Datasette, on the server that this service runs on too."""
    import uvicorn
    from datasette.app import Datasette  # type: ignore[import-not-found]

    settings = {"sql_time_limit_ms": LIMIT_MS, "max_csv_mb": 0}
    served = Datasette([], immutables=[str(database)], settings=settings)
    uvicorn.run(
        served.app(),
        host="127.0.0.1",
        port=port,
        log_level="error",
        access_log=False,
        loop="uvloop",
        http="httptools",
        lifespan="on",
    )


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
