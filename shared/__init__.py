"""What every function shares: domain, use cases, ports, adapters, and facts as data."""
