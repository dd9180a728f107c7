"""``python -m collm`` is the command ``collm``."""

from collm.cli.app import main

main()
