"""The parts of the bot's judgement; ``inbox.decide`` puts them in order."""
