"""A trained team behind an endpoint in OpenAI's style: the team as one model, and each agent as another.

``opening`` finds agents and environment in a run, ``local`` and ``remote`` let an agent speak, ``episode``
plays a task with all of them, ``desk`` answers requests one by one and ``app`` speaks HTTP. Nothing here
learns, and no reward of a user's own is imported.
"""
