"""The bundled book 《澹江七灯录》 and its questions, as package data."""
