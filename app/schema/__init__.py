"""What GraphQL clients see: types, inputs, and the two schemas in `partner` and `admin`."""
