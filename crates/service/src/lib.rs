//! What all eleven daemons share: configuration, telemetry, health, limits, authorisation, errors, graceful shutdown.
