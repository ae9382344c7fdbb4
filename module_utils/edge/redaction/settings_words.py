# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabulary of settings files: the export's, the recording storage's, the AWS SDKs', Envoy's, and of environments.

A key is compared without case and separators, and without the unit at its end, as the readers compare it
(timeouts/export_side.py). Sources: botocore.configprovider and the "AWS SDKs and Tools Reference Guide", settings
reference; Envoy's api/envoy/config/*/v3; ip-sysctl.rst; systemd.exec(5), "Environment variables in spawned processes".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from . import names, shapes
from .shapes import Shape, vocabulary

# What ends the name of a number: `read_timeout`, `max_attempts`, `localRetentionHours`.
_AMOUNTS = vocabulary(
    "timeout timeouts ttl lifetime expiry expires expiration interval period delay duration deadline age seconds "
    "second secs sec s ms millis milliseconds minutes minute mins min hours hour days retention size bytes kb mb gb "
    "count total limit max maximum minimum attempts attempt retries retry concurrency threads workers connections "
    "pool backoff rate bandwidth threshold chunks streams parts width port probes time window burst jitter wait grace"
)
_UNIT_ENDS = vocabulary("s ms millis milliseconds sec secs seconds min mins minutes hours")

_KINDS: tuple[tuple[Shape, str], ...] = (
    (shapes.amount, "idle keepalive tcpkeepalive keepaliveprobes keepidle keepintvl keepcnt nodelay sessionseconds "
                    "workerseconds parts part chunk chunks partsize chunksize multipartchunksize multipartthreshold "
                    "maxpoolconnections maxconcurrentrequests maxqueuesize maxattempts maxattemptsperhost portvalue "
                    "numretries perconnectionbufferlimitbytes maxrequestbytes concurrencylevel maxbandwidth "
                    "requestmincompressionsizebytes defaultttl durationseconds metadataservicenumattempts "
                    "metadataservicetimeout http2protocoloptions initialstreamwindowsize initialconnectionwindowsize"),
    (shapes.flag_or_path, "verify verifyssl sslverify verifytls tlsverify"),
    (shapes.flag, "versions legalhold sessionrefreshable refreshable enabled usessl ssl tls secure "
                  "pathstyle pathstyleaccess usepathstyle forcepathstyle useaccelerateendpoint usedualstackendpoint "
                  "usefipsendpoint useawssharedconfig payloadsigningenabled multipart parallel bestpractices "
                  "s3disablemultiregionaccesspoints s3usearnregion ec2metadatadisabled ignoreconfiguredendpointurls "
                  "disablerequestcompression tcpnodelay compression encrypted serversideencryptionenabled streaming "
                  "debug trace verbose dryrun"),
    (shapes.word, "region awsregion defaultregion signingregion bucket bucketname s3bucket provider storageclass "
                  "addressingstyle signatureversion s3sse sse serversideencryption profile awsprofile sourceprofile "
                  "defaultsmode retrymode stsregionalendpoints loglevel rootloggerlevel mode clienttype service "
                  "credentialsource output cliautoprompt responsechecksumvalidation requestchecksumcalculation "
                  "s3useast1regionalendpoint payloadtransfer transferclient preferredtransferclient "
                  "accountidendpointmode lbpolicy discoverytype dnslookupfamily codectype type transport storage "
                  "storagetype backend engine format protocol cannedacl acl objectownership checksumalgorithm "
                  "timezone locale encoding statprefix cluster weightedclusters routeconfigname samplerate "
                  "awspartition partition"),
    (shapes.url, "proxy httpsproxy httpproxy proxyurl allproxy ftpproxy socksproxy endpoint endpointurl serviceurl "
                 "serviceendpoint baseurl url uri s3endpoint s3url storageurl hosturl uploadurl origin "
                 "ec2metadataserviceendpoint upstream server address proxyhost httpproxyhost httpsproxyhost "
                 "endpointurls3 endpointurlsts regionalendpoint stsendpoint"),
    (shapes.host, "host hostname servername noproxy nonproxyhosts httpnonproxyhosts domains dns fallbackdns nameserver "
                  "bind bindaddress listen listenaddress sni hostrewriteliteral clusterheader ntp"),
    (shapes.path, "prefix keyprefix folder directory dir basepath path root logpath logfile logdir file filename "
                  "cabundle cafile capath trustedca certificatechain truststore configfile awsconfigfile datadir "
                  "awscabundle sslcertfile sslcertdir requestscabundle curlcabundle nodeextracacerts "
                  "awssharedcredentialsfile awswebidentitytokenfile webidentitytokenfile tempdir tmpdir spooldir "
                  "workdir workingdirectory javahome"),
    (shapes.name, "kms kmskeyid kmskey kmskeyarn ssekmskeyid ssekmskey kmsmasterkeyid keyarn awskmskeyid"),
    (shapes.identity, "rolearn assumerolearn awsrolearn rolesessionname mfaserial accountid expectedbucketowner "
                      "bucketowner policyarn ssoaccountid ssorolename role bucketarn"),
)  # fmt: skip
_TYPE_URL = re.compile(r"[A-Za-z0-9_.]{1,60}/[A-Za-z0-9_.]{1,200}")


def _type_url(value: str) -> str | None:
    return value if _TYPE_URL.fullmatch(value) and not shapes.opaque(value) else None


KEYS: dict[str, Shape] = {key: shape for shape, text in _KINDS for key in text.split()}
# Envoy's own words, which elsewhere could be anyone's.
ENVOY: dict[str, Shape] = {
    "@type": _type_url, "name": shapes.word, "prefix": shapes.path, "domains": shapes.host, "suffix": shapes.path,
    "match": shapes.word, "cluster": shapes.word, "statprefix": shapes.word, "clustername": shapes.word,
    "idletimeout": shapes.amount, "virtualhosts": shapes.word, "safe_regex": shapes.path, "id": shapes.word,
    "resourceapiversion": shapes.word, "apitype": shapes.word, "filename": shapes.path, "upgradetype": shapes.word,
    "keepaliveprobes": shapes.amount, "keepalivetime": shapes.amount, "keepaliveinterval": shapes.amount,
    "serverheader": shapes.word, "node": shapes.word, "retryon": shapes.words,
}  # fmt: skip

# Variables by their whole name. The SDKs' are those of the settings above with AWS_ before them.
_VARIABLES: dict[str, Shape] = {
    **dict.fromkeys(vocabulary("http_proxy https_proxy all_proxy ftp_proxy socks_proxy"), shapes.url),
    **dict.fromkeys(vocabulary("no_proxy hostname"), shapes.host),
    **dict.fromkeys(
        vocabulary(
            "path home pwd tmpdir tmp temp java_home ld_library_path ssl_cert_file ssl_cert_dir requests_ca_bundle "
            "curl_ca_bundle node_extra_ca_certs boto_config xdg_config_home xdg_runtime_dir python_home pythonpath "
            "shell credentials_directory notify_socket runtime_directory state_directory logs_directory "
            "configuration_directory cache_directory aws_data_path"
        ),
        shapes.path,
    ),
    **dict.fromkeys(
        vocabulary("lang lc_all lc_ctype tz logname user term log_level loglevel journal_stream"), shapes.word
    ),
    **dict.fromkeys(vocabulary("invocation_id mainpid watchdog_pid"), shapes.amount),
    **dict.fromkeys(
        vocabulary("gomaxprocs gogc gomemlimit malloc_arena_max uv_threadpool_size nofile shlvl"), shapes.amount
    ),
    **dict.fromkeys(vocabulary("aws_ec2_metadata_disabled aws_sdk_load_config pythonunbuffered"), shapes.flag),
    **dict.fromkeys(vocabulary("aws_container_credentials_relative_uri"), shapes.path),
    **dict.fromkeys(vocabulary("aws_container_credentials_full_uri"), shapes.url),
}

Extra = Mapping[str, str]


class Vocabulary:
    """Which shape the value of a key takes. extra: {path of a key in a file: the setting that it is}."""

    def __init__(self, extra: Extra | None = None, more: Mapping[str, Shape] | None = None) -> None:
        self._extra = {_path(path): meaning for path, meaning in (extra or {}).items()}
        self._more = more or {}

    def shape(self, key: str, path: str = "") -> Shape | None:
        """path: the whole dotted path, "" where it is too deep to be one of the inventory's."""
        if self._extra:
            meaning = self._extra.get(_path(path or key)) or self._extra.get(_path(key))
            if meaning is not None:
                return of_setting(meaning)
        return self._more.get(_plain(key)) or of_setting(key)


def _path(path: str) -> str:
    return ".".join(part for part in path.lower().split(".") if not part.isdigit())


@functools.lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    words = names.split(key) if not key.startswith("@") else [key.lower()]
    words = words[:-1] if len(words) > 1 and words[-1] in _UNIT_ENDS else words
    return "".join(words)


@functools.lru_cache(maxsize=4096)
def of_setting(key: str) -> Shape | None:
    """The shape of a setting of a program that is not ours."""
    words = names.split(key)
    known = KEYS.get("".join(words)) or KEYS.get(_plain(key))
    if known is None and words[:1] in (["aws"], ["s3"]):
        known = KEYS.get("".join(words[1:]))
    if known is None and words and words[-1] in _AMOUNTS and (len(words[-1]) > 2 or len(words) > 1):
        return shapes.amount
    if known is None and words and words[-1] in _FILES:
        return _absolute
    return known


def _absolute(value: str) -> str | None:
    """A path from the root, of a key that says that it names a file: `key_file: /etc/ssl/private/export.key`."""
    return shapes.path(value) if value.startswith("/") and value.count("/") > 1 else None


_FILES = vocabulary("file dir directory home conf config pidfile cfg")


@functools.lru_cache(maxsize=4096)
def of_variable(name: str) -> Shape | None:
    """The shape of a variable of the environment."""
    if not name.isascii():
        return None
    low = name.lower()
    known: Shape | None = _VARIABLES.get(low)
    if known is None and low.startswith(("aws_", "boto")):
        known = None if names.is_secret(low) and "".join(names.split(low)[1:]) not in KEYS else of_setting(low)
    words = names.split(low)
    if known is None and words and words[-1] in _AMOUNTS:
        known = shapes.amount
    if known is None and words and words[-1] in _FILES:
        known = _absolute
    return known
