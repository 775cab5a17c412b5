"""Wait before a chunk while the server, its replicas or its users need the room: ask, decide, hold, go on."""
