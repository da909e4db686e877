"""The settings file that `lautern init` writes."""

from pathlib import Path
from typing import Final

_TEMPLATE: Final = """\
# Lautern. Every key may also be given by the environment, such as LAUTERN_HTTP__PORT=8080, and every secret by a file:
# LAUTERN_STORE__TOKEN_FILE=/run/secrets/influxdb-token. Unknown keys are errors.
default_tenant = "{tenant}"

[broker]
mode = "embedded"            # a nats-server of our own; "external": the one at url
# username = "gateway"       # password: LAUTERN_BROKER__PASSWORD_FILE
{broker_tls}
# sync_always = true         # one fsync per message: slower, and a power cut loses nothing
# max_store_mb = 1024
# packet_reader = "paho"     # telemetry's messages are read one by one by the library, instead of many at a time
# max_connections = 12000    # needs 500 open files more than that: `lautern doctor`

[store]
kind = "{store}"             # sqlite or influxdb
# url = "http://127.0.0.1:8086"
# org = "lautern"            # token: LAUTERN_STORE__TOKEN_FILE
# bucket_prefix = "lautern"

[registry]
# url: LAUTERN_REGISTRY__URL_FILE, such as postgresql://lautern:…@localhost/lautern; without it SQLite
# migrate = true

[http]
{http_tls}
# port = 8000
# public_url = "https://lautern.example.org"    # links in messages begin with it; with a path all is below it

[limits]                     # of all processes that serve the API together
# api_processes = 1          # so many: each gives its share
# requests_per_s = 100       # of one key or person; 400 of one address
# queries_at_once = 1        # large ones; each may take query_memory_mb = 80 and query_seconds = 40

[audit]
# key_file = "/etc/lautern/audit.key"        # seals the audit log; without it audit.key beside this file
# anchor_file = "/mnt/worm/audit.anchors"    # tells when its end was cut off; best where it can only be appended to

[access]
# second_factor = "offered"    # nobody must have one; else who lets others in enrols an app or a passkey

[secrets]
# key_file = "/etc/lautern/secrets.key"      # seals what must be read again, such as authenticator apps' secrets

[mail]                       # how alarms reach people; without host no mail is sent
# host = "mail.example.org"
# security = "starttls"      # "tls", or "none" for a relay that asks for no password
# username = "lautern"       # password: LAUTERN_MAIL__PASSWORD_FILE
# sender = "Lautern <lautern@example.org>"

[notifications]              # where alarms may be sent; nothing but what is listed
# mail_domains = ["example.org"]
# webhook_hosts = ["hooks.example.org", "ticket.intern.example.org:8443"]
"""
_BROKER_PLAIN: Final = """\
# url = "mqtts://0.0.0.0:8883"     # for devices out of the house
# public_url = "mqtts://lamps.example.org:8883"    # as they reach it
# tls_cert_file = "{folder}/tls/server.pem"
# tls_key_file = "{folder}/tls/server.key"
# ca_file = "{folder}/tls/ca.pem"  # not with a certificate of a public authority"""
_HTTP_PLAIN: Final = """\
# host = "0.0.0.0"
# tls_cert_file = "{folder}/tls/server.pem"
# tls_key_file = "{folder}/tls/server.key"
# behind_proxy = true        # instead of a certificate, where a proxy with TLS stands before it
# trusted_proxies = ["10.0.0.2"]"""
_BROKER_OPEN: Final = """\
url = "mqtts://0.0.0.0:8883"
public_url = "mqtts://{host}:8883"
tls_cert_file = "{folder}/tls/server.pem"
tls_key_file = "{folder}/tls/server.key"
ca_file = "{folder}/tls/ca.pem"    # not with a certificate of a public authority"""
_HTTP_OPEN: Final = """\
host = "0.0.0.0"
tls_cert_file = "{folder}/tls/server.pem"
tls_key_file = "{folder}/tls/server.key\""""


def settings_text(tenant: str, store: str, folder: Path, public_host: str | None) -> str:
    """Content of lautern.toml; with `public_host` broker and API listen everywhere, with the certificate in `tls`."""
    broker, http = (_BROKER_PLAIN, _HTTP_PLAIN) if public_host is None else (_BROKER_OPEN, _HTTP_OPEN)
    return _TEMPLATE.format(
        tenant=tenant,
        store=store,
        broker_tls=broker.format(folder=folder, host=public_host),
        http_tls=http.format(folder=folder),
    )
