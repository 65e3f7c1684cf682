//! Who makes a request.

/// Who makes a request, as the guard found it out. Handlers take it as an extension of the request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The name of the account or token; `local` where no login is asked for.
    pub name: String,
    pub role: Role,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// See all pages and answers.
    Read,
    /// Also change what Pulso stores, such as contacts.
    Write,
}
