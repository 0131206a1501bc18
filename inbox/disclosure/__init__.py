"""What must not leave: words that belong to another author's account."""
