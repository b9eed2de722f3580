"""What is taken out of a text or set right in it, each rule by its name."""
