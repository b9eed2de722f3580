"""How a book is built: headings, titles, the numbers of chapters."""
