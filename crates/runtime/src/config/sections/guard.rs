//! Who may use the serving layer, and how much.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Guard {
    pub login: LoginMode,
    pub accounts_file: Option<PathBuf>,
    /// How long a login lasts without requests.
    pub session_idle: Duration,
    /// At least `session_idle`.
    pub session_max: Duration,
    pub open_probes: bool,
    /// Names without a port, in lower case.
    pub hosts: Vec<String>,
    pub trusted_proxies: Vec<Network>,
    pub requests_per_second: u32,
    pub requests_burst: u32,
    pub limit_loopback: bool,
    /// `None`: the log.
    pub audit_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMode {
    /// Where there are accounts; without any, nobody beyond this machine is served.
    Auto,
    Off,
}

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network")]
pub struct ParseNetworkError;

impl Network {
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ParseNetworkError)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| ParseNetworkError)?,
            None => longest,
        };
        if prefix > longest {
            return Err(ParseNetworkError);
        }
        Ok(Self { address, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_alike() {
        let inside = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        for (network, address) in [
            ("10.1.2.3", "10.1.2.3"),
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.1.2.130/25", "10.1.2.255"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("fd00::/8", "fdff::1"),
            ("::1", "::1"),
            ("::/0", "2001:db8::1"),
        ] {
            assert!(inside(network, address), "{network} {address}");
        }
        for (network, address) in [
            ("10.1.2.3", "10.1.2.2"),
            ("10.0.0.0/8", "11.0.0.0"),
            ("10.1.2.130/25", "10.1.2.127"),
            ("0.0.0.0/0", "::1"),
            ("fd00::/8", "fe00::1"),
        ] {
            assert!(!inside(network, address), "{network} {address}");
        }
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "proxy", "1.2.3.4/-1"] {
            assert_eq!(text.parse::<Network>(), Err(ParseNetworkError), "{text}");
        }
    }
}
