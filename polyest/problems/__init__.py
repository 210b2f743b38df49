"""The question: which function r(p), how many completions, which method, which budget."""
