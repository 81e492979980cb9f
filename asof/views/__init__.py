"""Values to human text, JSON and Markdown; the only place that knows colour."""
