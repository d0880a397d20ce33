"""People and models as judges of attacked images: their answers, what is valid, who is right."""
