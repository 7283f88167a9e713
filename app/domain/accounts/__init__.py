"""Users of every kind: one identity for partners' team members, operators and advertisers."""
