"""Tables of people's answers in the forms of others, as judgements."""
