"""The Plaid SDK: wire models, calls, errors. It imports nothing of ours but `transport`."""
