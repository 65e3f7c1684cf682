//! One executable under several names: called as `pulso-speed`, say, it is that program. So an image
//! holds one file, and links to it.

use std::env;
use std::path::Path;
use std::process::ExitCode;

type Program = fn() -> ExitCode;

const PROGRAMS: [(&str, Program); 5] = [
    ("pulso-acquisition", pulso_acquisition::cli::main),
    ("pulso-batch", pulso_batch::cli::main),
    ("pulso-simulator", pulso_simulator::cli::main),
    ("pulso-speed", pulso_speed::cli::main),
    ("pulso-web", pulso_web::cli::main),
];

/// The program that goes by the name under which this one was called, unless it is `pulso`.
pub(crate) fn called() -> Option<Program> {
    let path = env::args_os().next()?;
    named(Path::new(&path).file_name()?.to_str()?)
}

fn named(name: &str) -> Option<Program> {
    let program = PROGRAMS.iter().find(|(known, _)| *known == name);
    program.map(|(_, program)| *program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_programs_are_programs() {
        assert!(PROGRAMS.iter().all(|(name, _)| named(name).is_some()));
        assert!(["pulso", "pulso-", "speed", ""].into_iter().all(|name| named(name).is_none()));
    }
}
