"""A leaderboard on paper: Markdown, LaTeX, CSV, and a page."""
