//! Accounts and tokens, as a file holds them: `NAME ROLE HASH`, one on each line.
//!
//! Passwords are hashed with Argon2id. Tokens are 256 random bits, which nobody can guess, so a plain hash
//! keeps them as safe, and costs nothing at each request.

use std::fmt::{self, Write};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::caller::{Caller, Role};

/// What a token begins with, so that people and scanners for secrets know it.
const TOKEN_PREFIX: &str = "pulso_";

/// What the hash of a token begins with.
const TOKEN_HASH: &str = "sha256:";

/// The most memory that a password of the file may take to check, in KiB.
const MEMORY_KIB_MAX: u32 = 128 * 1024;

/// The longest name.
const NAME_LENGTH_MAX: usize = 64;

/// A hash that no password has, checked where there is no such account: so that the time taken does not tell.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Debug, thiserror::Error)]
pub enum ReadAccountsError {
    #[error("failed to read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("line {line} of `{}` {wrong}", path.display())]
    Line { path: PathBuf, line: usize, wrong: &'static str },
}

impl ReadAccountsError {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "name a file that this user may read with `guard.accounts_file`",
            Self::Line { .. } => "write `NAME ROLE HASH`, as `pulso-web account NAME` prints it",
        }
    }
}

/// The name of an account or token.
#[derive(Clone, Debug)]
pub(crate) struct Name(String);

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        if (1..=NAME_LENGTH_MAX).contains(&text.len()) && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err("a name has 1 to 64 letters, digits, `-`, `_`, `.` and `@`")
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            _ => Err("a role is `read` or `write`"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// A line of the file.
pub(crate) fn line(Name(name): &Name, role: Role, hash: &str) -> String {
    format!("{name} {role} {hash}")
}

/// # Panics
/// Never: the parameters are those of the library, and the salt has its length.
pub(crate) fn hash_password(password: &str) -> String {
    let salt: [u8; 16] = rand::random();
    let salt = SaltString::encode_b64(&salt).expect("a salt of 16 bytes is allowed");
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    hash.expect("a password in memory is not too long").to_string()
}

/// 19 MiB, two passes: the parameters that OWASP recommends, and the library's own.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// A token that nobody has.
pub(crate) fn new_token() -> String {
    format!("{TOKEN_PREFIX}{}", hex(&rand::random::<[u8; 32]>()))
}

pub(crate) fn token_hash(token: &str) -> String {
    format!("{TOKEN_HASH}{}", hex(&sha256(token)))
}

pub(super) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("text can be written to a string");
    }
    text
}

#[derive(Debug, Default)]
pub(super) struct Accounts {
    passwords: Vec<(Caller, String)>,
    tokens: Vec<(Caller, [u8; 32])>,
}

impl Accounts {
    pub(super) fn read(path: &Path) -> Result<Self, ReadAccountsError> {
        let path = path.to_owned();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ReadAccountsError::Read { path: path.clone(), source })?;
        Self::parse(&text).map_err(|(line, wrong)| ReadAccountsError::Line { path, line, wrong })
    }

    /// The error is the number of a line, and what is wrong with it. What it holds is not shown.
    fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let mut accounts = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                accounts.add(line).map_err(|wrong| (number + 1, wrong))?;
            }
        }
        Ok(accounts)
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(role), Some(hash), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("is not `NAME ROLE HASH`");
        };
        let Name(name) = name.parse().map_err(|_| "has a name that is none")?;
        let role = role.parse().map_err(|_| "has a role that is neither `read` nor `write`")?;
        let names = self.passwords.iter().map(|(caller, _)| caller);
        let mut names = names.chain(self.tokens.iter().map(|(caller, _)| caller));
        if names.any(|caller| caller.name == name) {
            return Err("has a name that an earlier line has");
        }
        let caller = Caller { name, role };
        if let Some(digits) = hash.strip_prefix(TOKEN_HASH) {
            let hash = unhex(digits).ok_or("has a hash of a token that is not 64 digits")?;
            self.tokens.push((caller, hash));
            return Ok(());
        }
        let parsed = PasswordHash::new(hash).map_err(|_| "has a hash that is none")?;
        let params = Params::try_from(&parsed).map_err(|_| "has a hash that is none")?;
        if parsed.algorithm != argon2::ARGON2ID_IDENT || params.m_cost() > MEMORY_KIB_MAX {
            return Err("has a hash that is not Argon2id with at most 128 MiB");
        }
        self.passwords.push((caller, hash.to_owned()));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.passwords.is_empty() && self.tokens.is_empty()
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.passwords.iter().any(|(caller, _)| caller.name == name)
    }

    /// Whose password this is. Takes as long for an unknown name as for a wrong password.
    pub(super) fn log_in(&self, name: &str, password: &str) -> Option<Caller> {
        let known = self.passwords.iter().find(|(caller, _)| caller.name == name);
        let hash = known.map_or(NOBODY, |(_, hash)| hash);
        let hash = PasswordHash::new(hash).expect("hashes are read when the accounts are");
        argon2().verify_password(password.as_bytes(), &hash).ok()?;
        known.map(|(caller, _)| caller.clone())
    }

    /// Whose token this is. All are looked at, so that the time taken does not tell.
    pub(super) fn bearer(&self, token: &str) -> Option<&Caller> {
        let hash = sha256(token);
        let mut found = None;
        for (caller, known) in &self.tokens {
            if bool::from(known.ct_eq(&hash)) {
                found = Some(caller);
            }
        }
        found
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_opens_what_it_was_made_for() {
        let token = new_token();
        let name = |text: &str| text.parse::<Name>().unwrap();
        let text = format!(
            "# people\n\n{}\n  {}\n",
            line(&name("anna@example.org"), Role::Write, &hash_password("correct horse battery")),
            line(&name("prometheus"), Role::Read, &token_hash(&token)),
        );
        let accounts = Accounts::parse(&text).unwrap();
        let anna = Caller { name: "anna@example.org".into(), role: Role::Write };
        assert_eq!(accounts.log_in("anna@example.org", "correct horse battery"), Some(anna));
        assert_eq!(accounts.log_in("anna@example.org", "correct horse battery "), None);
        assert_eq!(accounts.log_in("anna", "correct horse battery"), None);
        // A token is no password, and a password no token.
        assert_eq!(accounts.log_in("prometheus", &token), None);
        assert_eq!(accounts.bearer("correct horse battery"), None);
        let prometheus = Caller { name: "prometheus".into(), role: Role::Read };
        assert_eq!(accounts.bearer(&token), Some(&prometheus));
        assert_eq!(accounts.bearer(&token.to_uppercase()), None);
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        let [one, other] = [(); 2].map(|()| hash_password("correct horse battery"));
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert_ne!(new_token(), new_token());
    }

    #[test]
    fn what_a_wrong_line_holds_is_not_shown() {
        let hash = hash_password("correct horse battery");
        let weak = "$argon2i$v=19$m=4096,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA";
        let large = hash.replace("m=19456", "m=1048576");
        for (text, line, wrong) in [
            ("anna".to_owned(), 1, "is not `NAME ROLE HASH`"),
            (format!("\nanna admin {hash}"), 2, "has a role that is neither `read` nor `write`"),
            (format!("a/b read {hash}"), 1, "has a name that is none"),
            ("anna read secret".to_owned(), 1, "has a hash that is none"),
            (
                format!("anna read {weak}"),
                1,
                "has a hash that is not Argon2id with at most 128 MiB",
            ),
            (
                format!("anna read {large}"),
                1,
                "has a hash that is not Argon2id with at most 128 MiB",
            ),
            ("anna read sha256:abc".to_owned(), 1, "has a hash of a token that is not 64 digits"),
            (
                format!("anna read {hash}\nanna write {hash}"),
                2,
                "has a name that an earlier line has",
            ),
        ] {
            assert_eq!(Accounts::parse(&text).unwrap_err(), (line, wrong), "{text}");
        }
    }
}
