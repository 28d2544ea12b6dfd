"""What a tool may cost, and whether it did.

In come budgets and counts; out go verdicts of three values with their evidence. Pure statistics:
no files, no SQL, no clocks.
"""
