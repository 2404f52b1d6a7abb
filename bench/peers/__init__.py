"""Other stream engines at the same work, each with the settings that make it fastest.

`python -m bench.peers` measures one of them alone.
"""
