"""Files of people's own: text, names, flags and records read, and what may be written over them."""
