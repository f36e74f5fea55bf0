"""The web page that shows images: tiles, spectra and differences of the files that were named, for one person."""
