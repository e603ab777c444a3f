"""Tables of predictions along sequences of frames."""
