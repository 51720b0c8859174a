"""Files of runs, kept once each under the hash of what they hold."""
