"""AWS for headwater: identities, clients, listing, policies, and the strict emulator."""
