"""Legal entities and number series: consecutive numbers for documents."""
