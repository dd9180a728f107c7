"""What people look at: live progress, tables, curves, pictures. Reads run folders; changes nothing in them
but its own pictures.
"""
