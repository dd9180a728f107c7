"""The ``collm`` command, one file for each of its commands. Libraries are imported where they are used."""
