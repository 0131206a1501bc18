"""``python -m inbox`` and the console script."""

from inbox.cli import main

if __name__ == "__main__":
    main()
