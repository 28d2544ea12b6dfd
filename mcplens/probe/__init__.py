"""A client that calls a server on purpose.

In comes a target, such as the command of a server; out come answers, and a recording in a store.
The probe never measures: what a call took is read from the views like everything else.
"""
