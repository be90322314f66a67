"""Wire models: what Finicity says, member by member."""
