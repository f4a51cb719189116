"""What one capture tells, before anybody shows it: made of facts and verdicts, and given as columns of NumPy values.

DataFrames, the text report and JSON all take their values from here, so that they cannot differ; text and JSON do without pandas,
whose import takes longer than analysing a small capture.
"""
