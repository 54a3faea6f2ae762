"""In a notebook: tables that a browser can parse, nothing unescaped, nothing read."""

from html.parser import HTMLParser

from core.tests.pipeline.conftest import files

WINDOW = ("2026-01-03", "2026-01-05")


class Cells(HTMLParser):
    """Collects the cells of a page, and checks that every tag is closed."""

    def __init__(self, html):
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open:
            self.cells.append(data)


def test_schema_plan_report_and_dataset_show_themselves(serving):
    assert "amount" in Cells(serving.schema._repr_html_()).cells
    assert "2 of 10" in Cells(serving.plan(*WINDOW)._repr_html_()).cells
    assert "identity" in Cells(serving.check(*WINDOW)._repr_html_()).cells
    data = serving.read(*WINDOW)
    assert "not read yet" in data._repr_html_()
    assert "actual_buy" in Cells(data._repr_html_()).cells
    assert data.stats.batches == 0
    data.to_arrow()
    assert "12 rows read" in data._repr_html_()


def test_what_a_user_wrote_is_escaped(version, log):
    query = "SELECT *, '<script>alert(1)</script>' AS x FROM predictions"
    html = version.connect_serving(files(log, query), "pid", "ts").plan(*WINDOW)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    Cells(html)
