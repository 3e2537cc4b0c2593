"""Tests of looking inside networks."""
