"""The pure core of a session: its state, and the fold that turns an event into the next state and what to send."""
