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
use tokio_util::sync::CancellationToken;

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
    #[error("there is no account in `{}`", path.display())]
    NoAccount { path: PathBuf },
}

/// What to do where there are no accounts.
pub(super) const MAKE_ACCOUNT: &str = "make an account with `pulso-web account NAME >>accounts` and set \
                                       `guard.accounts_file = \"accounts\"`";

impl ReadAccountsError {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "name a file that this user may read with `guard.accounts_file`",
            Self::Line { .. } => "write `NAME ROLE HASH`, as `pulso-web account NAME` prints it",
            Self::NoAccount { .. } => MAKE_ACCOUNT,
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

/// Somebody whom the file names.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) caller: Caller,
    /// Cancelled when the file does not say the same any more.
    pub(super) removed: CancellationToken,
}

#[derive(Debug, Default)]
pub(super) struct Accounts {
    passwords: Vec<(Account, String)>,
    tokens: Vec<(Account, [u8; 32])>,
}

impl Accounts {
    /// The accounts of a file that holds this text.
    pub(super) fn read(path: &Path, text: io::Result<String>) -> Result<Self, ReadAccountsError> {
        let path = path.to_owned();
        let text = match text {
            Ok(text) => text,
            Err(source) => return Err(ReadAccountsError::Read { path, source }),
        };
        match Self::parse(&text) {
            Ok(accounts) if accounts.is_empty() => Err(ReadAccountsError::NoAccount { path }),
            Ok(accounts) => Ok(accounts),
            Err((line, wrong)) => Err(ReadAccountsError::Line { path, line, wrong }),
        }
    }

    /// Takes over from earlier accounts: who is there with the same role and hash goes on, everybody else's logins
    /// end. Whether anything differs.
    pub(super) fn succeed(&mut self, before: &Self) -> bool {
        let passwords = succeed(&mut self.passwords, &before.passwords);
        let tokens = succeed(&mut self.tokens, &before.tokens);
        passwords || tokens
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
        let names = self.passwords.iter().map(|(account, _)| account);
        let mut names = names.chain(self.tokens.iter().map(|(account, _)| account));
        if names.any(|account| account.caller.name == name) {
            return Err("has a name that an earlier line has");
        }
        let removed = CancellationToken::new();
        let account = Account { caller: Caller { name, role }, removed };
        if let Some(digits) = hash.strip_prefix(TOKEN_HASH) {
            let hash = unhex(digits).ok_or("has a hash of a token that is not 64 digits")?;
            self.tokens.push((account, hash));
            return Ok(());
        }
        let parsed = PasswordHash::new(hash).map_err(|_| "has a hash that is none")?;
        let params = Params::try_from(&parsed).map_err(|_| "has a hash that is none")?;
        if parsed.algorithm != argon2::ARGON2ID_IDENT || params.m_cost() > MEMORY_KIB_MAX {
            return Err("has a hash that is not Argon2id with at most 128 MiB");
        }
        self.passwords.push((account, hash.to_owned()));
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.passwords.is_empty() && self.tokens.is_empty()
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.passwords.iter().any(|(account, _)| account.caller.name == name)
    }

    /// Whose password this is. Takes as long for an unknown name as for a wrong password.
    pub(super) fn log_in(&self, name: &str, password: &str) -> Option<Account> {
        let known = self.passwords.iter().find(|(account, _)| account.caller.name == name);
        let hash = known.map_or(NOBODY, |(_, hash)| hash);
        let hash = PasswordHash::new(hash).expect("hashes are read when the accounts are");
        argon2().verify_password(password.as_bytes(), &hash).ok()?;
        known.map(|(account, _)| account.clone())
    }

    /// Whose token this is. All are looked at, so that the time taken does not tell.
    pub(super) fn bearer(&self, token: &str) -> Option<&Account> {
        let hash = sha256(token);
        let mut found = None;
        for (account, known) in &self.tokens {
            if bool::from(known.ct_eq(&hash)) {
                found = Some(account);
            }
        }
        found
    }
}

fn succeed<H: PartialEq>(now: &mut [(Account, H)], before: &[(Account, H)]) -> bool {
    let mut differ = now.len() != before.len();
    for (account, hash) in before {
        let mut now = now.iter_mut();
        match now.find(|(other, other_hash)| other.caller == account.caller && other_hash == hash) {
            Some((same, _)) => same.removed = account.removed.clone(),
            None => {
                account.removed.cancel();
                differ = true;
            }
        }
    }
    differ
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
        let log_in = |name, password| accounts.log_in(name, password).map(|found| found.caller);
        let anna = Caller { name: "anna@example.org".into(), role: Role::Write };
        assert_eq!(log_in("anna@example.org", "correct horse battery"), Some(anna));
        assert_eq!(log_in("anna@example.org", "correct horse battery "), None);
        assert_eq!(log_in("anna", "correct horse battery"), None);
        // A token is no password, and a password no token.
        assert_eq!(log_in("prometheus", &token), None);
        let bearer = |token: &str| accounts.bearer(token).map(|found| found.caller.clone());
        assert_eq!(bearer("correct horse battery"), None);
        let prometheus = Caller { name: "prometheus".into(), role: Role::Read };
        assert_eq!(bearer(&token), Some(prometheus));
        assert_eq!(bearer(&token.to_uppercase()), None);
    }

    #[test]
    fn who_is_not_the_same_any_more_is_removed() {
        let hashes = [(); 2].map(|()| token_hash(&new_token()));
        let password = hash_password("correct horse battery");
        let before = format!(
            "stays read {}\ngone read sha256:{}\nrole read sha256:{}\nanna write {password}",
            hashes[0],
            "0".repeat(64),
            "1".repeat(64)
        );
        let before = Accounts::parse(&before).unwrap();
        let after = format!(
            "# another order\nanna write {password}\nnew read sha256:{}\nrole write sha256:{}\nstays read {}",
            "2".repeat(64),
            "1".repeat(64),
            hashes[0]
        );
        let mut after = Accounts::parse(&after).unwrap();
        assert!(after.succeed(&before));
        let removed = |accounts: &Accounts| -> Vec<String> {
            let tokens = accounts.tokens.iter().map(|(account, _)| account);
            let all = tokens.chain(accounts.passwords.iter().map(|(account, _)| account));
            let removed = all.filter(|account| account.removed.is_cancelled());
            removed.map(|account| account.caller.name.clone()).collect()
        };
        assert_eq!(removed(&before), ["gone", "role"]);
        assert_eq!(removed(&after), Vec::<String>::new());
        // The same once more changes nothing, and another hash is another account.
        let text = format!("anna write {password}\nstays read {}", hashes[0]);
        let [before, mut same] = [(); 2].map(|()| Accounts::parse(&text).unwrap());
        assert!(!same.succeed(&before));
        let mut other = Accounts::parse(&text.replace(&hashes[0], &hashes[1])).unwrap();
        assert!(other.succeed(&same));
        assert_eq!(removed(&before), ["stays"], "through two files");
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
