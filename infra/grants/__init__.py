"""Who may do what to which resource: a policy for each function, as plain data.

DynamoDB authorises a transaction as the single actions it is made of, so what follows holds
inside ``TransactWriteItems`` too.
"""
