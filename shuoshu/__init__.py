"""Shuoshu (说书): a folder of books becomes a small language model that answers questions about them."""

__version__ = "0.1.0"
