"""Pages for people: HTML made from the API's own answers and the same field lines, in Japanese and English."""
