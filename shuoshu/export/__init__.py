"""A model in the formats of other engines: GGUF for llama.cpp, a Modelfile for Ollama."""
