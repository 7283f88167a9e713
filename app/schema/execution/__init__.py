"""From the text of a request to its answer: documents, limits and cost, execution."""
