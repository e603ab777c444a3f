"""One method or checkpoint against another."""
