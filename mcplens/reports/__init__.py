"""From numbers and charts to a page, and the words and tables that every face shares.

In come a connection, charts and verdicts; out go an offline HTML page, terminal tables and the
sentences that the command line, the plugin and the report have in common.
"""
