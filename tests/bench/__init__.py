"""What ``make bench`` measures, and how it is written down. No test asserts a time; these figures are for people."""
