"""From numbers to pictures.

In comes a connection with the views; out go Altair charts whose titles are findings. Charts ask
the views and compute nothing themselves.
"""
