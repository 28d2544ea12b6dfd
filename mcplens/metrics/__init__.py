"""From Parquet to numbers: the views.

In comes the list of a store's readable files; out goes a DuckDB connection with every view on it.
Each number is defined once, in a file under `sql/` named as its view. Metrics never know how an
event was captured, and judge nothing.
"""
