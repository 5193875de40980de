//! The request that follows a redirect, as the fetch standard of browsers has it.

use super::{HeaderMap, Method, StatusCode, WebError, WebRequest, header};

/// What is sent next; none when the answer points nowhere.
pub(super) fn next(
    request: &WebRequest,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<WebRequest>, WebError> {
    let becomes_get = match status.as_u16() {
        301 | 302 => request.method == Method::POST,
        303 => request.method != Method::GET && request.method != Method::HEAD,
        307 | 308 => false,
        _ => return Ok(None),
    };
    let Some(location) = headers.get(header::LOCATION) else { return Ok(None) };
    let location = location.to_str().map_err(|_| WebError::WrongRedirect)?;
    let url = request.url.join(location).map_err(|_| WebError::WrongRedirect)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(WebError::WrongRedirect);
    }
    let mut next = WebRequest { url, ..request.clone() };
    if becomes_get {
        next.method = Method::GET;
        next.body = None;
        next.headers = without(&next.headers, |name, _| name.as_str().starts_with("content-"));
    }
    if next.url.origin() != request.url.origin() {
        next.headers = without(&next.headers, |name, value| {
            value.is_sensitive() || [header::AUTHORIZATION, header::COOKIE].contains(name)
        });
    }
    Ok(Some(next))
}

fn without(headers: &HeaderMap, drop: impl Fn(&super::HeaderName, &super::HeaderValue) -> bool) -> HeaderMap {
    let kept = headers.iter().filter(|(name, value)| !drop(name, value));
    kept.fold(HeaderMap::new(), |mut headers, (name, value)| {
        headers.append(name.clone(), value.clone());
        headers
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{HeaderName, HeaderValue, Proxies, Redirects, Trust, Url};
    use super::*;

    fn request(method: Method) -> WebRequest {
        let mut secret = HeaderValue::from_static("key");
        secret.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        headers.append("x-key", secret);
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("2"));
        headers.append(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        WebRequest {
            method,
            url: Url::parse("http://one:8080/a/b?c=d").expect("a URL"),
            headers,
            body: Some(Bytes::from_static(b"body")),
            timeout: None,
            redirects: Redirects::Follow,
            trust: Trust::System,
            proxies: Proxies::default(),
            keep: 0,
        }
    }

    fn redirected(method: Method, status: u16, location: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(location))]);
        let status = StatusCode::from_u16(status).expect("a status");
        let next = next(&request(method), status, &headers).expect("a redirect")?;
        let names: Vec<&str> = next.headers.iter().map(|(name, _): (&HeaderName, _)| name.as_str()).collect();
        let body = if next.body.is_some() { "body" } else { "empty" };
        Some(format!("{} {} {body} {}", next.method, next.url, names.join(",")))
    }

    #[test]
    fn methods_and_bodies_follow_the_status() {
        let all = "authorization,x-key,x-a,x-a,content-type";
        let got = "authorization,x-key,x-a,x-a";
        for (method, status, expected) in [
            (Method::GET, 301, format!("GET http://one:8080/a/x body {all}")),
            (Method::POST, 302, format!("GET http://one:8080/a/x empty {got}")),
            (Method::PUT, 302, format!("PUT http://one:8080/a/x body {all}")),
            (Method::PUT, 303, format!("GET http://one:8080/a/x empty {got}")),
            (Method::HEAD, 303, format!("HEAD http://one:8080/a/x body {all}")),
            (Method::POST, 307, format!("POST http://one:8080/a/x body {all}")),
            (Method::POST, 308, format!("POST http://one:8080/a/x body {all}")),
        ] {
            assert_eq!(redirected(method, status, "x"), Some(expected), "{status}");
        }
        assert_eq!(redirected(Method::GET, 304, "x"), None);
        let nowhere = next(&request(Method::GET), StatusCode::FOUND, &HeaderMap::new());
        assert!(matches!(nowhere, Ok(None)));
    }

    #[test]
    fn what_is_secret_stays_with_its_server() {
        for location in ["http://two:8080/", "http://one:8081/", "https://one:8080/"] {
            let expected = format!("POST {location} body x-a,x-a,content-type");
            assert_eq!(redirected(Method::POST, 307, location), Some(expected));
        }
    }

    #[test]
    fn only_addresses_of_the_web_are_followed() {
        let headers =
            HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("file:///etc/passwd"))]);
        let next = next(&request(Method::GET), StatusCode::FOUND, &headers);
        assert_eq!(next.map(|_| ()), Err(WebError::WrongRedirect));
    }
}
