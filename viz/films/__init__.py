"""Films of backprop and of training."""
