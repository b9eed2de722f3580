"""From the bytes of a file, of any format and in any encoding, to its text."""
