"""The command line: one module per command.

A command reads its options, asks the rooms below, and prints. No number and no rule lives here.
"""
