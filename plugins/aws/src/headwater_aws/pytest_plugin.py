"""Fixtures for tests that need AWS: the strict emulator, its token issuer, a bucket."""
