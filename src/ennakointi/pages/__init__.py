"""Pages of the report: pure functions of released tables and a language, one module for each notebook."""
