"""Dagster's runs, asked for over its webserver's GraphQL: this process never loads Dagster's definitions."""
