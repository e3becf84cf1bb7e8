from __future__ import annotations

from ambidex.report.markdown import to_markdown
from ambidex.report.page import Code, Page, Section
from tests.report.test_html import PAGE


def test_code_says_its_language() -> None:
    code = Code(title="Command", text="ambidex --help", language="sh")
    page = Page(title="x", lead="y", sections=(Section(title="z", blocks=(code,)),))
    assert to_markdown(page).endswith("*Command*\n\n```sh\nambidex --help\n```\n")


def test_every_block_is_there_in_words() -> None:
    assert to_markdown(PAGE) == (
        "# A <page>\n\nLead & more\n\n## First & second\n\na < b and `code`\n\n- one\n- <two>\n\n*Table*\n\n"
        "|  | A\\|B |\n|---|---|\n| row | **1 s (0 – 2 s; × 2)** |\n\n"
        '*Loss <b>.* falls "fast"\n\n*Time.* one 1 s\n\n**More**\n\n*Code*\n\n```python\nif a < b:\n    pass\n```\n'
    )
