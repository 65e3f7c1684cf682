//! Makes the lines of the file with accounts.
//!
//! Passwords are asked for, never taken from the command line, where other users and the shell's history see them.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use console::Term;
use pulso_runtime::{Exit, FailureExt};

use crate::caller::Role;
use crate::http::{Name, hash_password, line, new_token, token_hash};

/// The shortest password, as the ASVS has it.
const PASSWORD_CHARACTERS_MIN: usize = 12;

/// The longest password, so that a login has a bound.
const PASSWORD_BYTES_MAX: usize = 1_024;

/// Makes an account or a token: prints the line to add to the file `guard.accounts_file`
#[derive(Clone, Debug, Args)]
pub struct AccountArgs {
    /// Who logs in, or what the token is for
    #[arg(value_name = "NAME")]
    name: Name,
    /// What may be done: `read` everything, or also `write` what Pulso stores, such as contacts
    #[arg(long, value_name = "ROLE", default_value_t = Role::Read)]
    role: Role,
    /// Make a token for programs, instead of asking for a password; it is shown once, on standard error
    #[arg(long)]
    token: bool,
}

/// The line; the password is asked for on a terminal, or else is the first line of standard input.
///
/// # Errors
/// With exit code 2 when the password is too short or not the same twice.
pub fn make(args: &AccountArgs) -> Result<String> {
    let hash = if args.token {
        let token = new_token();
        eprintln!("the token, which nobody can show again: {token}");
        token_hash(&token)
    } else {
        hash_password(&password()?)
    };
    Ok(line(&args.name, args.role, &hash))
}

fn password() -> Result<String> {
    let password = if io::stdin().is_terminal() {
        let terminal = Term::stderr();
        let ask = |what: &str| {
            terminal.write_str(what)?;
            terminal.read_secure_line()
        };
        let password = ask("Password: ").context("failed to read the password")?;
        if ask("The same again: ").context("failed to read the password")? != password {
            return Err(anyhow!("the passwords differ")).exit(Exit::Usage);
        }
        password
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line).context("failed to read the password")?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    checked(password)
}

fn checked(password: String) -> Result<String> {
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Err(anyhow!("the password has fewer than {PASSWORD_CHARACTERS_MIN} characters"))
            .exit(Exit::Usage)
            .hint("take a few words that do not belong together");
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(anyhow!("the password has more than {PASSWORD_BYTES_MAX} bytes"))
            .exit(Exit::Usage);
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_short_nor_endless() {
        let check = |password: String| checked(password).map_err(|error| error.to_string());
        let short = Err("the password has fewer than 12 characters".to_owned());
        assert_eq!(check("ünïcödé wör".into()), short);
        assert_eq!(check("ünïcödé wörd".into()), Ok("ünïcödé wörd".into()));
        assert!(check("x".repeat(1_024)).is_ok());
        assert_eq!(check("x".repeat(1_025)), Err("the password has more than 1024 bytes".into()));
    }
}
