"""The benchmark: this service beside its peers, in one run, as ratios. It judges by printing, and never by failing."""
