//! What is tested across the crates, on real services and on the simulators.
