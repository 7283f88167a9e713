"""The click path: tracking links, from the request to the redirect, with every click made durable first."""
