"""What may be said to whom: proof levels, the table of what they open, who may hear about whose account, and what must not
leave: words that belong to another author.
"""
