"""What the terminal sends: split into keys, sequences and pastes by our own rules, and named by Textual's tables.

What lives here: the rules (`splitter`), their use by Textual's parser, and the driver that reads the terminal. What may
not: what a key does. The rest of Textual's private parts that the input needs is used here and in `web_driver` only.
"""
