"""The page on which people judge attacked images: written as a folder of files, answers checked."""
