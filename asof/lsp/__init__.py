"""The language server: what an editor asks about definition files that are being typed."""
