"""Cases with truth, one file per problem."""
