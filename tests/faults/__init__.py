"""Training programs with a fault and without: what the score of `train.doctor` is measured on."""
