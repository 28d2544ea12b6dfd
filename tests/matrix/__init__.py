"""Every observer against every way a call can end: what each records, as one table."""
