"""The money of a package as bar charts: its stated total beside its pillars, and against its lines."""

from collections.abc import Container, Sequence

from app.api import budget_summary
from app.query.parser import Query
from app.query.searcher import Searcher
from app.site.charts.bars import Bar, Chart, Segment
from app.site.charts.drawing import DIFFERENCE
from app.site.charts.sums import sums_chart
from app.site.values import Object
from app.site.view import View


def package_chart(view: View, package: Object, stated: Object, pillars: Container[str], searcher: Searcher) -> Chart:
    """A stated total of a package, a row of its reconciliation, and each of these pillars on the same scale."""
    query = Query(budget_summary.PARAMETERS, {"package": (package["id"],)})
    sums = sums_chart(view, query, "pillar", searcher, pillars)
    total, itemised, difference = stated["stated"]["amount"], stated["itemised"], stated["difference"]
    parts = []
    if itemised["jpy"]:
        parts.append(Segment.of(view, view.tr("予算行の合計", "sum of its lines"), itemised, "solid"))
    if (difference["jpy"] or 0) > 0:
        label = view.tr("総額にあって内訳の記載がない分", "stated, but not itemised")
        parts.append(Segment.of(view, label, difference, DIFFERENCE))
    kind = view.value_label(stated["stated"]["kind"])
    label = view.tr(f"文書が示す総額({kind})", f"Total that the document states ({kind.lower()})")
    bars = [Bar(label, view.money(total), parts), *sums.bars]
    lead = [view.tr(f"予算行: {sums.lead[0]}", f"The lines: {sums.lead[0]}")]
    return Chart("package", package["name"][view.language], lead, bars, sums.others)


def difference_chart(view: View, data: Sequence[Object], lines: str, title: str) -> Chart:
    """A package's stated totals against its lines, whose address is `lines`: what is stated, what the lines give, and
    what is between them."""
    bars = []
    for each in data:
        stated, itemised, difference = each["stated"]["amount"], each["itemised"], each["difference"]
        kind = view.value_label(each["stated"]["kind"])
        bars.append(_bar(view, view.tr(f"文書が示す総額({kind})", f"Stated total ({kind.lower()})"), stated, "rising"))
        bars.append(_bar(view, view.tr("予算行の合計", "Sum of its lines"), itemised, "solid", link=lines))
        if difference["jpy"]:
            over = difference["jpy"] < 0
            label = (
                view.tr("予算行の合計が総額を超える分", "By which the lines exceed it")
                if over
                else view.tr("内訳の記載がない分", "Stated, but not itemised")
            )
            shown = {**difference, "jpy": abs(difference["jpy"]), "oku_yen": difference["oku_yen"].removeprefix("-")}
            bars.append(_bar(view, label, shown, DIFFERENCE, start=min(stated["jpy"], itemised["jpy"])))
    return Chart("reconciliation", title, (), bars)


def _bar(view: View, label: str, amount: Object, pattern: str, *, link: str = "", start: int = 0) -> Bar:
    """An amount as a bar of one part."""
    if amount["jpy"] is None:
        return Bar(label, view.value_label("not_stated"), (), link)
    parts = [Segment.of(view, "", amount, pattern)] if amount["jpy"] else []
    return Bar(label, view.money(amount), parts, link, start)
