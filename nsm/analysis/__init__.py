"""Analysis: metrics, calibration, plots and reports; it reads predictions and runs, it never trains."""
