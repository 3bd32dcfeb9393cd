"""From the bytes of a header to one frozen record a slice."""
