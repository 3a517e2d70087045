//! Staging an image, on the simulator and from a server on loopback.
