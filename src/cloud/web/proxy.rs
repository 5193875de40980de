//! Through which proxy a request goes: one that is named, else those of the environment.

use std::collections::BTreeMap;

use reqwest::{ClientBuilder, NoProxy, Proxy};

/// The proxies of a request. Their addresses may hold passwords: they are in no message.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    proxies: Vec<Proxy>,
    over_tls: bool,
}

/// A proxy whose address is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the address of a proxy")]
pub struct WrongProxy(String);

impl Proxies {
    /// One for everything.
    pub fn named(host: &str, port: u16, over_tls: bool) -> Result<Self, WrongProxy> {
        let scheme = if over_tls { "https" } else { "http" };
        let proxy = Proxy::all(format!("{scheme}://{host}:{port}"));
        let proxy = proxy.map_err(|_| WrongProxy("`proxy`".to_owned()))?;
        Ok(Self { proxies: vec![proxy], over_tls })
    }

    /// Those of `http_proxy` and `https_proxy` in either case. Digdag: what has no proxy of its own under https goes
    /// through that of http. `no_proxy` names the servers that are asked directly.
    pub fn of_environment(variables: &BTreeMap<String, String>) -> Result<Self, WrongProxy> {
        let set = |names: &[&str]| {
            let values = names.iter().filter_map(|name| Some((*name, variables.get(*name)?.trim())));
            values
                .into_iter()
                .find(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value))
        };
        let direct = set(&["no_proxy", "NO_PROXY"]).and_then(|(_, list)| NoProxy::from_string(list));
        let http = set(&["http_proxy", "HTTP_PROXY"]);
        let https = set(&["https_proxy", "HTTPS_PROXY"]).or_else(|| http.clone());
        let mut made = Self::default();
        let mut add = |found: Option<(String, &str)>, kind: fn(&str) -> reqwest::Result<Proxy>| {
            let Some((variable, address)) = found else { return Ok(()) };
            let proxy = kind(address).map_err(|_| WrongProxy(format!("the variable `{variable}`")))?;
            made.over_tls |= address.starts_with("https:");
            made.proxies.push(proxy.no_proxy(direct.clone()));
            Ok(())
        };
        add(http, |address| Proxy::http(address))?;
        add(https, |address| Proxy::https(address))?;
        Ok(made)
    }

    /// Whether a proxy is spoken to over TLS.
    pub(super) fn use_tls(&self) -> bool {
        self.over_tls
    }

    pub(super) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        // The client must not look into the environment by itself.
        self.proxies.iter().cloned().fold(builder.no_proxy(), ClientBuilder::proxy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<usize, String> {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let made = Proxies::of_environment(&variables);
        made.map(|made| made.proxies.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_names_proxies_in_either_case() {
        assert_eq!(of(&[]), Ok(0));
        assert_eq!(of(&[("http_proxy", " ")]), Ok(0));
        assert_eq!(of(&[("HTTPS_PROXY", "http://p:1")]), Ok(1));
        assert_eq!(of(&[("http_proxy", "user:pw@p:1")]), Ok(2));
        assert_eq!(
            of(&[("HTTPS_PROXY", "http://user:pw@:x")]),
            Err("the variable `HTTPS_PROXY` is not the address of a proxy".to_owned())
        );
    }
}
