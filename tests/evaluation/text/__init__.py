"""Tests of the scores of written text."""
