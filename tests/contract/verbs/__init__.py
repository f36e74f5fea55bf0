"""Laws that every verb keeps."""
