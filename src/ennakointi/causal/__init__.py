"""Effects from any table: designs that compare before and after, areas, periods or persons."""
