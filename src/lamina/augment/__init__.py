"""Augmentation of whole batches in training, as a function of (seed, step): pictures, films, texts, sounds, series.

    augment = make_augment(layout, settings, flips)
    inputs = augment(inputs, generator)

Every function draws from the generator that it is given and from nowhere else, works on the whole batch at once, and
leaves what it is given as it was.
"""
