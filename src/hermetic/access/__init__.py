"""Who may do what: principals, policy, tokens; pure."""
