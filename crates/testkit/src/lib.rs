//! Starts the real stack on free ports, waits for conditions, kills, checks logs. For tests only.
