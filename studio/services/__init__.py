"""What the studio does, one module a noun; every function takes the person and checks ownership."""
