"""The command line: each verb is a few calls of the library. Knows no statistics and no SQL."""
