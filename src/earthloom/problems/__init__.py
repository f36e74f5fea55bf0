"""What is seen and what is wanted, one file per problem."""
