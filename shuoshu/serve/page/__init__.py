"""The chat page: its document and files, and what it can ask."""
