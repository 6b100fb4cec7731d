"""The request behind a page as code to copy."""

from collections.abc import Sequence


def snippets(base: str, api: str, csv: str = "") -> Sequence[tuple[str, str]]:
    """By tool, the code that makes the request; pandas reads the CSV, where there is one."""
    url = f"{base}{api}"
    if csv:
        frame = f'import pandas as pd\n\nframe = pd.read_csv("{base}{csv}")\n'
    else:
        frame = f'import httpx\nimport pandas as pd\n\nframe = pd.json_normalize(httpx.get("{url}").json())\n'
    return (
        ("curl", f"curl '{url}'\n"),
        ("fetch", f'const response = await fetch("{url}");\nconst answer = await response.json();\n'),
        ("httpx", f'import httpx\n\nanswer = httpx.get("{url}").raise_for_status().json()\n'),
        ("pandas", frame),
    )
