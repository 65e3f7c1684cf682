//! The batch layer over real Delta tables in temporary folders.

mod golden;
mod jobs;
mod naive;
mod publish;
mod recording;
mod spill;
mod support;
mod verify;
