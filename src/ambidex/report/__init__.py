"""Pages: text, tables, charts and code as data, written as one HTML file without network needs, or as Markdown."""
