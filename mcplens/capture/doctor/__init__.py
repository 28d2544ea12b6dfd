"""What watching costs on this machine, measured in a few seconds.

In comes the place of a store; out come checks, each a sentence with its numbers and, where
something is wrong, what to do. Everything is measured beside the same without us, in turns, so that
both meet the same machine; a number comes with the range in which its median lies, 95 times of 100.
"""
