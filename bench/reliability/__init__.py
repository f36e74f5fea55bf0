"""What the claims of docs/reliability.md and docs/remote.md rest on."""
