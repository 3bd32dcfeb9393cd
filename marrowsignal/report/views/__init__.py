"""What the pages say: every text ready to print."""
