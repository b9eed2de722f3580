"""What a request passes before anything answers it."""
