"""The command `xpander-facade`."""
