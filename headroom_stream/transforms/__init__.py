"""What is done to messages: to one tool output at its birth (`outputs`), and to the whole when a budget forces it (`window`)."""
