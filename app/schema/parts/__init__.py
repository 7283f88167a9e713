"""Parts of the root types, one module per concept; `partner` and `admin` put them together."""
