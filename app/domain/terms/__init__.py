"""Terms: versions of the programme and of brands, and who accepted them (A69, X04)."""
