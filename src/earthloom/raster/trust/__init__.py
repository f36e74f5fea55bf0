"""What a file may make us open, read and allocate: checked before anything is."""
