"""A vision-language model as judge, over chat completions on any server."""
