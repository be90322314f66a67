"""What Plaid's answers look like: one module per product, every model frozen and tolerant of added members."""
