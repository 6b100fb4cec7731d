"""The money of a package as bar charts: its stated total beside its pillars, and against its lines."""

from collections.abc import Container, Sequence

from app.api import budget_summary
from app.query.matching import Matcher
from app.query.parser import Query
from app.site.charts.bars import Bar, Chart, Object, part
from app.site.charts.drawing import DIFFERENCE
from app.site.charts.sums import sums_chart
from app.site.values import money_in_words
from app.site.view import View


def package_chart(view: View, package: Object, stated: Object, pillars: Container[str], matcher: Matcher) -> Chart:
    """A stated total of a package, a row of its reconciliation, and each of these pillars on the same scale."""
    query = Query(budget_summary.PARAMETERS, {"package": (package["id"],)})
    sums = sums_chart(view, query, "pillar", matcher, pillars)
    total, itemised, difference = stated["stated"]["amount"], stated["itemised"], stated["difference"]
    parts = []
    if itemised["jpy"]:
        label = view.tr("予算行の合計", "sum of its lines")
        parts.append(part(view, label, itemised, "solid"))
    if difference["jpy"] and difference["jpy"] > 0:
        label = view.tr("総額にあって内訳の記載がない分", "stated, but not itemised")
        parts.append(part(view, label, difference, DIFFERENCE))
    kind = view.value_label(stated["stated"]["kind"])
    label = view.tr(f"文書が示す総額({kind})", f"Total that the document states ({kind.lower()})")
    bars = [Bar(label, money_in_words(view, total), parts), *sums.bars]
    lead = [view.tr(f"予算行: {sums.lead[0]}", f"The lines: {sums.lead[0]}")]
    return Chart("package", package["name"][view.language], lead, bars, sums.others)


def difference_chart(view: View, data: Sequence[Object], lines: str, title: str) -> Chart:
    """A package's stated totals against its lines, whose address is `lines`: what is stated, what the lines give, and
    what is between them."""
    bars = []
    kinds = {each["stated"]["kind"]: view.value_label(each["stated"]["kind"]) for each in data}
    for each in data:
        stated, itemised, difference = each["stated"]["amount"], each["itemised"], each["difference"]
        label = kinds[each["stated"]["kind"]]
        bars.append(
            Bar(
                view.tr(f"文書が示す総額({label})", f"Stated total ({label.lower()})"),
                money_in_words(view, stated) if stated["jpy"] is not None else view.value_label("not_stated"),
                [part(view, "", stated, "rising")] if stated["jpy"] else [],
            )
        )
        parts = [part(view, "", itemised, "solid")] if itemised["jpy"] else []
        text = money_in_words(view, itemised) if parts else view.value_label("not_stated")
        bars.append(Bar(view.tr("予算行の合計", "Sum of its lines"), text, parts, lines))
        if difference["jpy"]:
            over = difference["jpy"] < 0
            says = (
                view.tr("予算行の合計が総額を超える分", "By which the lines exceed it")
                if over
                else view.tr("内訳の記載がない分", "Stated, but not itemised")
            )
            shown = {**difference, "jpy": abs(difference["jpy"]), "oku_yen": difference["oku_yen"].removeprefix("-")}
            start = min(stated["jpy"], itemised["jpy"])
            bars.append(Bar(says, money_in_words(view, shown), [part(view, "", shown, DIFFERENCE)], start=start))
    return Chart("reconciliation", title, (), bars)
