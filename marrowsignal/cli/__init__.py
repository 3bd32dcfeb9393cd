"""The command line: one module a subcommand; `app.main` alone turns errors into exit codes."""
