"""How main uses the helper: by the AST in the paper's reading, by its text in the reference's."""
