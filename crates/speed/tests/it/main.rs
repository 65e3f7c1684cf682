//! The speed layer from the outside: scenarios, the run loop's promises, recordings, the program.

mod ports;
mod program;
mod recording;
mod recount;
mod running;
mod scenario;
