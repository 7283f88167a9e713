"""The doors that are not GraphQL: tracking links, brand intake, health; and the middleware of them all."""
