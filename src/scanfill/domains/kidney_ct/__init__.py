"""CT of the abdomen, with kidneys and their tumors."""
