"""The cache and ledger tables on DynamoDB."""
