"""Tools for those who write rules: all of them stand on the replay."""
