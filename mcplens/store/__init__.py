"""From events to Parquet, and to a list of readable files.

In come rows of the raw tables; out goes, for every table, the list of files that hold each row
exactly once. The store never knows what a call is or how a number is made. Only what seals and
compacts imports pyarrow, so that a recorder stays light.
"""
