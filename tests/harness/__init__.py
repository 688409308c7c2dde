"""What the api and flow tests stand on: a real PostgreSQL, real processes, real sockets."""
