"""Header fields by which a reverse proxy tells a server about the client behind it.

Anybody can send them, so a server that believes one from the wrong side lets a stranger be
whoever he likes.  Here is only which there are, in lower case: a front of ours removes those
that come from outside, and a node removes all.
"""

ORIGIN = (
    "forwarded",  # RFC 7239
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",  # ingress-nginx
    "x-envoy-external-address",
    "true-client-ip",  # Akamai, Cloudflare
    "cf-connecting-ip",
    "x-original-url",  # IIS, Symfony: another address than that of the request line
    "x-original-host",
    "x-rewrite-url",
)
"""Where a request came from, and what it asked for before somebody rewrote it."""

IDENTITY = (
    "client-cert",  # RFC 9440
    "client-cert-chain",
    "x-client-cert",  # recipes for nginx and HAProxy
    "x-client-certificate",
    "x-client-dn",
    "x-client-verify",
    "x-client-s-dn",
    "x-client-i-dn",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-ssl-client-cn",
    "x-ssl-client-dn",
    "x-ssl-client-s-dn",
    "x-ssl-client-i-dn",
    "x-ssl-client-serial",
    "x-ssl-client-sha1",
    "x-ssl-client-verify",
    "x-ssl-issuer",
    "ssl-client-cert",  # Apache's variables, and ingress-nginx
    "ssl-client-s-dn",
    "ssl-client-i-dn",
    "ssl-client-verify",
    "ssl-client-subject-dn",
    "ssl-client-issuer-dn",
    "x-forwarded-client-cert",  # Envoy
    "x-forwarded-tls-client-cert",  # Traefik
    "x-forwarded-tls-client-cert-info",
    "x-forwarded-user",  # oauth2-proxy
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-remote-user",  # Kubernetes' API server, Apache
    "x-remote-group",
    "remote-user",  # Authelia
    "remote-groups",
    "x-authenticated-user",
    "x-webauth-user",
    "x-arr-clientcert",  # IIS
    "x-ms-client-principal",  # Azure
    "x-ms-client-principal-name",
    "x-amzn-mtls-clientcert",  # AWS
    "x-amzn-oidc-identity",
    "x-amzn-oidc-data",
    "x-goog-authenticated-user-email",  # Google
    "tailscale-user-login",
)
"""Who sent a request, as a proxy found out; for proxies that remove a field by its name."""

FAMILIES = (
    "client-cert",
    "x-client-cert",
    "x-forwarded-",
    "x-original-",
    "x-ssl-",
    "ssl-client-",
    "x-auth-request-",
    "x-authenticated-",
    "x-remote-",
    "remote-",
    "x-webauth-",
    "x-arr-",
    "x-ms-client-principal",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-goog-authenticated-",
    "x-goog-iap-",
    "tailscale-user-",
)
"""How the names of such fields begin, those of either kind that nobody has thought of included."""
