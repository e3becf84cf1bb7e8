"""Measures of predictions, in NumPy, under scikit-learn's and the forecasting literature's names."""
