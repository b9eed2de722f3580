"""The API: OpenAI's routes and objects."""
