"""What is said where a cluster does not answer."""

HINT = (
    " If it asks for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN where it is not "
    "that of ~/.ray/auth_token. The port of ray:// is its client server's, 10001 unless "
    "chosen."
)
