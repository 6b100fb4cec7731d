"""Pages of what changed: the history of a record, a record as a version has it, and a change."""

import re

from tests.conftest import Client, answer

PATH = "/measures/biosimilar-uptake"


def test_the_history_of_a_record_has_its_changes(whole: Client) -> None:
    found = answer(whole, f"/v1{PATH}/history")
    page = whole.get(f"{PATH}/history?lang=en").text
    assert found["data"]
    for each in found["data"]:
        assert f'href="/changes/{each["id"]}?lang=en"' in page
    assert f"<h1>{answer(whole, f'/v1{PATH}')['name']['en']}: history</h1>" in page
    assert whole.get(f"{PATH}x/history?lang=en").status_code == 404
    assert whole.get(f"{PATH}/history?limti=3&lang=en").status_code == 422


def test_a_record_that_never_changed_has_an_empty_history(client: Client) -> None:
    page = client.get(f"{PATH}/history?lang=en")
    assert page.status_code == 200
    assert "It is as the first version has it." in page.text
    assert f"{PATH}/history" not in client.get(f"{PATH}?lang=en").text


def test_versions_and_changes_have_no_history(whole: Client) -> None:
    for path in ("/changes/x/history", "/versions/1.0.0/history"):
        assert whole.get(f"{path}?lang=en").status_code == 404


def test_a_record_leads_to_its_history_and_is_shown_as_a_version_has_it(whole: Client) -> None:
    page, current = whole.get(f"{PATH}?lang=en").text, answer(whole, "/v1")["dataset"]["version"]
    assert f'<a href="{PATH}/history?lang=en">Last changed</a>' in page
    assert "Other figures" in page.partition("Last changed")[2].partition("</p>")[0]
    cited = f"{PATH}?version={current}&amp;lang=en"
    assert f'<a href="{cited}">{cited}</a>' in page
    older = whole.get(f"{PATH}?version=1.0.0&lang=en").text
    assert "As version 1.0.0 has it." in older
    assert f'<a href="{PATH}?lang=en">The newest</a>' in older
    then, now = answer(whole, f"/v1{PATH}?version=1.0.0"), answer(whole, f"/v1{PATH}")
    assert then.keys() < now.keys()
    assert older.count('<th scope="row">') == page.count('<th scope="row">') - len(now.keys() - then.keys())


def test_a_change_shows_its_patch_and_leads_to_the_record(whole: Client) -> None:
    (change,) = answer(whole, f"/v1{PATH}/history")["data"]
    page = whole.get(f"/changes/{change['id']}?lang=en").text
    assert f'<a href="{PATH}?lang=en">' in page
    patch = re.search(r'<pre class="json" tabindex="0"><code>(.*?)</code>', page, re.DOTALL)
    assert patch
    assert patch[1].count("&#34;op&#34;") == len(change["patch"])
    assert "<td>biosimilar-uptake</td>" in page
    assert "<td>Measures</td>" in page
    assert "What says so" not in page


def test_a_page_of_an_earlier_version_shows_nothing_of_today(whole: Client) -> None:
    current = answer(whole, "/v1")["dataset"]["version"]
    for version, is_today in ((current, True), ("1.0.0", False)):
        page = whole.get(f"/organizations/mhlw?version={version}&lang=en").text
        assert f"As version {version} has it." in page
        assert ("What refers to it" in page) is is_today
        assert ("/citation.bib" in page) is is_today


def test_a_document_is_shown_as_a_version_has_it(whole: Client) -> None:
    path, current = "/documents/cao-20260203-bio", answer(whole, "/v1")["dataset"]["version"]
    cited = f"{path}?from=101&amp;version={current}&amp;lang=en"
    assert f'<a href="{cited}">{cited}</a>' in whole.get(f"{path}?from=101&lang=en").text
    newest = whole.get(f"{path}?from=101&version={current}&lang=en").text
    assert f"As version {current} has it." in newest
    assert 'id="L124"' in newest
    lines = answer(whole, f"/v1{path}/lines?from=101&version={current}")["data"]
    assert lines == answer(whole, f"/v1{path}/lines?from=101")["data"]
    older = whole.get(f"{path}?version=1.0.0&lang=en").text
    assert "As version 1.0.0 has it." in older
    assert answer(whole, f"/v1{path}?version=1.0.0")["name"]["en"] in older
    assert 'id="L1"' not in older
    for refused in (f"{path}?version=1.0.0&to=3&lang=en", f"/v1{path}/lines?version=1.0.0"):
        assert "newest version alone" in whole.get(refused).text
        assert whole.get(refused).status_code == 422
    assert whole.get("/documents/rs2024-health-strategy?version=1.0.0").status_code == 404


def test_the_digest_of_the_data_is_that_of_their_version(whole: Client) -> None:
    dataset = answer(whole, "/v1")["dataset"]
    assert answer(whole, f"/v1/versions/{dataset['version']}")["digest"] == dataset["digest"]
