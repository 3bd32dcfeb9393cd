"""From stored values to one volume of signal."""
