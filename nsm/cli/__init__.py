"""The command line: it parses, calls the pipeline and prints; what is heavy is imported by commands."""
