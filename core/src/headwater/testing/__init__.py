"""What a plugin author tests with: contract suites, fixtures, a pytest plugin."""
