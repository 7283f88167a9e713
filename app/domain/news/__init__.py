"""News: articles of the programme and of brands for partners (A69)."""
