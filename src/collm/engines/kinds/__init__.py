"""The engines that ship with the package, a file each; found by their ``type``."""
