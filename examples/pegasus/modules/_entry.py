"""The way in: one address, every name to its place.

The router passes 80 and 443 to prod-proxy-passthrough, which passes TLS on untouched: *.lab.pegasuspad.com to
lab-proxy, every other name to prod-proxy. `homeprod route explain NAME` says the whole way of a name.

The original tells no service's name or port but the demo's zone, so they are chosen here.
"""

from homeprod import Certificate, Entry, Expectation, GiB, Proxy, Route, Service

lab_proxy = Proxy(
    machine="lab-proxy",
    certificates=(Certificate(names=("*.lab.pegasuspad.com",), by="dns-01"),),
    services=(
        Service(
            name="demo",
            names=("demo.lab.pegasuspad.com",),
            upstreams=("http://lab-coder:8080",),
            websockets=True,
        ),
        # Two apps that Harbormaster keeps on lab-coder: examples/pegasus-apps.
        Service(
            name="welcome",
            names=("welcome.lab.pegasuspad.com",),
            upstreams=("http://lab-coder:8082",),
        ),
        Service(
            name="clock",
            names=("clock.lab.pegasuspad.com",),
            upstreams=("http://lab-coder:8081",),
        ),
    ),
)

prod_proxy = Proxy(
    machine="prod-proxy",
    proxied_number=6,  # where the passthrough speaks the PROXY protocol to it; the LAN asks at .5
    proxied_port=443,
    proxied_http_port=80,
    certificates=(
        Certificate(names=("pegasuspad.com", "*.pegasuspad.com"), by="dns-01"),
        Certificate(names=("*.coder.pegasuspad.com",), by="dns-01"),
        Certificate(names=("collabora.home.pegasuspad.com",), by="site-ca"),
    ),
    services=(
        Service(
            name="nextcloud",
            names=("cloud.pegasuspad.com",),
            upstreams=("http://nextcloud-green:80",),
            body_limit=10 * GiB,
            answer_limit=300,
            hsts=31_536_000,
        ),
        Service(
            name="gitea",
            names=("git.pegasuspad.com",),
            upstreams=("http://gitea-green:3000",),
            body_limit=1 * GiB,
        ),
        Service(
            name="freshrss",
            names=("rss.pegasuspad.com",),
            upstreams=("http://freshrss-blue:80",),
        ),
        Service(
            name="coder",
            names=("coder.pegasuspad.com", "*.coder.pegasuspad.com"),  # a name for each workspace's ports
            upstreams=("http://coder-blue:7080",),
            websockets=True,
        ),
        Service(
            name="collabora",
            names=("collabora.home.pegasuspad.com",),
            upstreams=("http://collabora-code:9980",),
            websockets=True,
            access="lan",
        ),
    ),
)

entry = Entry(
    uplink="fiber gateway",  # what the router stands behind
    passthrough="prod-proxy-passthrough",
    routes=(Route("*.lab.pegasuspad.com", to="lab-proxy"),),
    default="prod-proxy",
    proxies=(lab_proxy, prod_proxy),
    expectations=(
        Expectation("https://demo.lab.pegasuspad.com/", reaches="demo"),
        Expectation("https://demo.lab.pegasuspad.com/", reaches="demo", from_="lan"),
        Expectation("http://demo.lab.pegasuspad.com/", reaches=None, status=308),
        Expectation("https://welcome.lab.pegasuspad.com/", reaches="welcome"),
        Expectation("https://clock.lab.pegasuspad.com/", reaches="clock"),
        Expectation("https://cloud.pegasuspad.com/", reaches="nextcloud"),
        Expectation("https://sean.coder.pegasuspad.com/", reaches="coder"),
        Expectation("https://unknown.lab.pegasuspad.com/", reaches=None, status=421),
        Expectation("https://unknown.example/", reaches=None, status=421),
        Expectation("https://collabora.home.pegasuspad.com/", reaches="collabora", from_="lan"),
        Expectation("https://collabora.home.pegasuspad.com/", reaches=None, status=421),
    ),
)
