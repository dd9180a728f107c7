"""The viewer: a local web page over run folders, which it only reads.

``folders`` finds runs, ``rows`` reads episodes, ``index`` and ``query`` keep and search them in SQLite
outside the run folder, ``follow`` watches for new files, ``overview``, ``episode`` and ``panels`` answer what
``server`` is asked. ``static`` is the page, built from ``frontend``. No torch and no model enters; only
``panels`` asks an environment, and only for plain data.
"""
