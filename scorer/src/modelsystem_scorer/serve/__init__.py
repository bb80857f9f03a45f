"""How gunicorn is started, drained and bridged to Flask."""
