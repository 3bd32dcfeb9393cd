"""Makes the network of the automatic segmentation from phantoms alone; needs the extra ``training`` (PyTorch)."""
