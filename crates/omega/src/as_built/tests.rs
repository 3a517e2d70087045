use omega_core::Context;

use super::*;
