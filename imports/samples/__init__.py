"""Pure: a made-up export of any size, whose bytes follow from a seed and a number.

For others: `sample.SampleRequest`, and `sample.write_sample`.
"""
