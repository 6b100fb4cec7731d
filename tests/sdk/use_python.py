"""What a user of the generated Python client does: list, filter, page, read one, and meet a 404 and a 422."""

import sys
from urllib.parse import parse_qs, urlsplit

from generated.python.api.budget_lines import list_budget_lines
from generated.python.api.budget_summary import get_budget_summary
from generated.python.api.exports import export_budget_lines_csv
from generated.python.api.measures import get_measure, list_measures
from generated.python.client import Client
from generated.python.models import (
    BudgetDimension,
    BudgetLinePage,
    BudgetLineSort,
    BudgetSummary,
    ErrorCode,
    Measure,
    MeasurePage,
    ProblemDetails,
    SortOrder,
)


def main(address: str) -> None:
    client = Client(base_url=address)

    lines = list_budget_lines.sync(
        client=client, ministry=["mext", "mhlw"], sort=BudgetLineSort.AMOUNT, order=SortOrder.DESC
    )
    assert isinstance(lines, BudgetLinePage)
    assert lines.meta.total == 9
    assert lines.data[0].amount.jpy == 168_800_000_000
    assert lines.data[0].fiscal_year.year == 2025

    seen: list[str] = []
    page = list_measures.sync(client=client, limit=5)
    while isinstance(page, MeasurePage):
        seen.extend(measure.id for measure in page.data)
        if page.links.next_ is None:
            break
        cursor = parse_qs(urlsplit(page.links.next_).query)["cursor"][0]
        page = list_measures.sync(client=client, limit=5, cursor=cursor)
    assert len(set(seen)) == len(seen) == 22

    measure = get_measure.sync("biosimilar-uptake", client=client)
    assert isinstance(measure, Measure)
    assert measure.name.ja == "バイオシミラーの使用促進"
    assert measure.pillar is None

    missing = get_measure.sync_detailed("biosimilar-uptak", client=client)
    assert isinstance(missing.parsed, ProblemDetails)
    assert missing.parsed.status == missing.status_code == 404

    refused = list_budget_lines.sync(client=client, ministry=["mhwl"])
    assert isinstance(refused, ProblemDetails)
    assert refused.errors[0].code == ErrorCode.UNKNOWN_VALUE
    assert refused.errors[0].did_you_mean == "mhlw"

    summary = get_budget_summary.sync(client=client, group_by=[BudgetDimension.MINISTRY])
    assert isinstance(summary, BudgetSummary)
    assert summary.total.oku_yen == "3161"

    text = export_budget_lines_csv.sync(client=client, ministry=["meti"])
    assert isinstance(text, str)
    assert text.count("\r\n") == 2

    short = export_budget_lines_csv.sync(client=client, ministry=["meti"], fields=["amount.jpy", "id"])
    assert isinstance(short, str)
    assert short.startswith("id,amount_jpy\r\n")
    plain = client.get_httpx_client().get("/v1/budget-lines", params={"fields": "id"})  # a part is not the model
    assert [list(line) for line in plain.json()["data"]] == [["id"]] * 11


if __name__ == "__main__":
    main(sys.argv[1])
