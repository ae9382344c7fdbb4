# SPDX-License-Identifier: GPL-3.0-or-later
"""The directives of Squid, nginx and HAProxy whose arguments are harmless, and what the others are shown of.

Sources: nginx documentation, "Alphabetical index of directives"; Squid, src/cf.data.pre; HAProxy configuration manual,
4.1 "Proxy keywords matrix" and 3 "Global parameters".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import names, shapes
from .shapes import vocabulary

NGINX = vocabulary(
    "http server location stream events upstream if limit_except types map geo split_clients mail main "
    "worker_processes worker_connections worker_rlimit_nofile worker_rlimit_core worker_shutdown_timeout "
    "worker_cpu_affinity worker_priority worker_aio_requests user group pid daemon master_process error_log "
    "access_log include load_module listen server_name server_names_hash_bucket_size server_names_hash_max_size root "
    "alias index try_files internal proxy_pass proxy_http_version proxy_buffering proxy_request_buffering "
    "proxy_buffer_size proxy_buffers proxy_busy_buffers_size proxy_max_temp_file_size proxy_temp_file_write_size "
    "proxy_temp_path proxy_read_timeout proxy_send_timeout proxy_connect_timeout proxy_timeout proxy_socket_keepalive "
    "proxy_next_upstream proxy_next_upstream_timeout proxy_next_upstream_tries proxy_ignore_client_abort proxy_bind "
    "proxy_redirect proxy_ssl_server_name proxy_ssl_name proxy_ssl_verify proxy_ssl_verify_depth proxy_ssl_protocols "
    "proxy_ssl_session_reuse proxy_ssl_trusted_certificate proxy_ssl_certificate proxy_ssl_certificate_key "
    "proxy_ssl_ciphers proxy_ssl proxy_protocol proxy_protocol_timeout proxy_responses proxy_requests "
    "proxy_half_close proxy_upload_rate proxy_download_rate proxy_limit_rate proxy_method proxy_pass_header "
    "proxy_hide_header proxy_pass_request_body proxy_pass_request_headers proxy_intercept_errors proxy_store "
    "proxy_cache proxy_cache_path proxy_cache_valid proxy_cache_lock proxy_cache_lock_timeout proxy_cache_lock_age "
    "proxy_cache_use_stale proxy_no_cache proxy_cache_bypass proxy_cache_methods proxy_cache_min_uses "
    "proxy_cache_revalidate proxy_force_ranges proxy_headers_hash_max_size proxy_headers_hash_bucket_size "
    "proxy_ignore_headers proxy_send_lowat proxy_connect proxy_connect_allow proxy_connect_address proxy_connect_bind "
    "proxy_connect_connect_timeout proxy_connect_data_timeout proxy_connect_read_timeout proxy_connect_send_timeout "
    "send_timeout send_lowat client_body_timeout client_header_timeout client_max_body_size client_body_buffer_size "
    "client_body_temp_path client_body_in_file_only client_body_in_single_buffer client_header_buffer_size "
    "large_client_header_buffers keepalive keepalive_timeout keepalive_requests keepalive_time keepalive_disable "
    "lingering_close lingering_time lingering_timeout reset_timedout_connection tcp_nodelay tcp_nopush sendfile "
    "sendfile_max_chunk aio aio_write directio directio_alignment output_buffers postpone_output read_ahead "
    "limit_rate limit_rate_after limit_req limit_req_zone limit_req_status limit_req_log_level limit_conn "
    "limit_conn_zone limit_conn_status resolver resolver_timeout zone ip_hash least_conn random hash ntlm state queue "
    "slow_start multi_accept use accept_mutex accept_mutex_delay default_type charset types_hash_max_size "
    "types_hash_bucket_size server_tokens etag gzip gzip_comp_level gzip_types gzip_min_length gzip_vary gzip_proxied "
    "gzip_buffers gzip_disable gzip_http_version variables_hash_max_size variables_hash_bucket_size map_hash_max_size "
    "map_hash_bucket_size ssl ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers ssl_prefer_server_ciphers "
    "ssl_session_cache ssl_session_timeout ssl_session_tickets ssl_dhparam ssl_ecdh_curve ssl_trusted_certificate "
    "ssl_client_certificate ssl_verify_client ssl_verify_depth ssl_stapling ssl_stapling_verify ssl_buffer_size "
    "ssl_early_data ssl_handshake_timeout ssl_preread ssl_crl ssl_password_file ssl_reject_handshake "
    "ssl_session_ticket_key http2 http3 http2_max_concurrent_streams http2_recv_timeout http2_idle_timeout "
    "http2_body_preread_size preread_timeout preread_buffer_size allow deny satisfy absolute_redirect "
    "port_in_redirect server_name_in_redirect merge_slashes log_not_found log_subrequest open_file_cache "
    "open_file_cache_valid open_file_cache_min_uses open_log_file_cache recursive_error_pages underscores_in_headers "
    "ignore_invalid_headers max_ranges msie_padding request_pool_size connection_pool_size set_real_ip_from "
    "real_ip_header real_ip_recursive expires autoindex stub_status auth_basic_user_file fastcgi_pass "
    "fastcgi_read_timeout fastcgi_send_timeout fastcgi_connect_timeout uwsgi_pass uwsgi_read_timeout "
    "uwsgi_send_timeout grpc_pass grpc_read_timeout grpc_send_timeout grpc_connect_timeout grpc_socket_keepalive "
    "mirror mirror_request_body slice thread_pool timer_resolution pcre_jit lock_file working_directory "
    "debug_connection tcp keyval_zone status_zone health_check"
)
# Blocks in which the first word of a line is data, or code.
NGINX_DATA = vocabulary("map geo split_clients types match")

SQUID = vocabulary(
    "http_port https_port ftp_port include if else endif read_timeout write_timeout client_lifetime connect_timeout "
    "forward_timeout request_timeout request_start_timeout client_idle_pconn_timeout server_idle_pconn_timeout "
    "persistent_request_timeout pconn_timeout pconn_lifetime half_closed_clients shutdown_lifetime "
    "peer_connect_timeout dead_peer_timeout ident_timeout icp_query_timeout maximum_icp_query_timeout "
    "minimum_icp_query_timeout mcast_icp_query_timeout dns_timeout dns_retransmit_interval dns_nameservers "
    "dns_packet_max dns_defnames dns_v4_first dns_multicast_local hosts_file append_domain ignore_unknown_nameservers "
    "positive_dns_ttl negative_dns_ttl negative_ttl range_offset_limit minimum_expiry_time ipcache_size ipcache_low "
    "ipcache_high fqdncache_size http_access http_access2 http_reply_access icp_access htcp_access miss_access "
    "cache_peer_access cache_peer_domain always_direct never_direct prefer_direct nonhierarchical_direct cache "
    "send_hit store_miss tcp_outgoing_address tcp_outgoing_tos tcp_outgoing_mark clientside_tos udp_incoming_address "
    "udp_outgoing_address client_request_buffer_max_size request_body_max_size request_header_max_size "
    "reply_header_max_size reply_body_max_size eui_lookup access_log cache_log cache_store_log cache_dir cache_mem "
    "cache_effective_user cache_effective_group maximum_object_size minimum_object_size maximum_object_size_in_memory "
    "cache_swap_low cache_swap_high cache_replacement_policy memory_replacement_policy memory_cache_mode memory_pools "
    "memory_pools_limit pid_filename logfile_rotate logfile_daemon debug_options buffered_logs strip_query_terms "
    "log_mime_hdrs coredump_dir pinger_enable pinger_program unlinkd_program diskd_program refresh_pattern "
    "quick_abort_min quick_abort_max quick_abort_pct read_ahead_gap via forwarded_for visible_hostname "
    "unique_hostname hostname_aliases workers cpu_affinity_map max_filedescriptors client_persistent_connections "
    "server_persistent_connections persistent_connection_after_error detect_broken_pconn balance_on_multiple_ip "
    "retry_on_error connect_retries collapsed_forwarding tls_outgoing_options sslproxy_cert_error "
    "sslproxy_session_ttl ssl_bump sslcrtd_program sslcrtd_children on_unsupported_protocol client_delay_pools "
    "delay_pools delay_class delay_access delay_parameters delay_initial_bucket_level client_delay_parameters "
    "icp_port htcp_port snmp_port snmp_access icap_enable icap_service_failure_limit icap_connect_timeout "
    "icap_io_timeout icap_persistent_connections adaptation_access forward_max_tries happy_eyeballs_connect_timeout "
    "happy_eyeballs_connect_gap happy_eyeballs_connect_limit httpd_suppress_version_string error_directory "
    "error_default_language deny_info uri_whitespace chroot relaxed_header_parser acl_uses_indirect_client "
    "follow_x_forwarded_for netdb_filename query_icmp server_pconn_for_nonretriable client_ip_max_connections "
    "tcp_recv_bufsize windows_ipaddrchangemonitor umask offline_mode vary_ignore_expire pipeline_prefetch "
    "high_response_time_warning high_page_fault_warning high_memory_warning shared_memory_locking max_open_disk_fds "
    "store_objects_per_bucket store_avg_object_size url_rewrite_children url_rewrite_access url_rewrite_bypass "
    "store_id_access host_verify_strict client_dst_passthru spoof_client_ip qos_flows dns_nameserver mime_table "
    "icon_directory global_internal_static short_icon_urls collapsed_forwarding_access response_delay_pool"
)
SQUID_ACLS = vocabulary(
    "src dst localip myip myport localport port dstdomain srcdomain method proto time maxconn max_user_ip src_as "
    "dst_as peername http_status rep_mime_type req_mime_type arp eui64 myportname connections_encrypted any-of all-of "
    "has dstdom_regex srcdom_regex random hier_code ssl::server_name at_step clientside_mark"
)
SQUID_PEER = vocabulary("login password user auth-no-keytab sslpassword ")

HAPROXY = vocabulary(
    "global defaults frontend backend listen peers peer resolvers nameserver userlist cache program ring log-forward "
    "mailers mailer http-errors fcgi-app crt-store traces mode balance bind server server-template default-server "
    "default_backend use_backend use-server timeout maxconn fullconn retries retry-on redispatch log chroot daemon "
    "user group uid gid pidfile nbproc nbthread cpu-map process master-worker maxconnrate maxsessrate maxsslconn "
    "maxsslrate maxpipes ulimit-n hash-type disabled enabled dispatch source force-persist ignore-persist persist "
    "monitor-uri monitor-net rate-limit compression errorfile errorfiles log-tag load-server-state-from-file "
    "server-state-file server-state-base hold resolve_retries accepted_payload_size parse-resolv-conf "
    "dns-accept-family ca-base crt-base ssl-default-bind-ciphers ssl-default-bind-options "
    "ssl-default-bind-ciphersuites ssl-default-server-ciphers ssl-default-server-options "
    "ssl-default-server-ciphersuites ssl-dh-param-file ssl-server-verify ssl-engine spread-checks busy-polling "
    "hard-stop-after grace insecure-fork-wanted insecure-setuid-wanted lua-load lua-load-per-thread no nosplice "
    "noepoll nokqueue nopoll unix-bind backlog clitcpka-cnt clitcpka-idle clitcpka-intvl srvtcpka-cnt srvtcpka-idle "
    "srvtcpka-intvl max-keep-alive-queue hash-balance-factor stick table type total-max-size max-object-size max-age "
    "command load ssl-mode-async zero-warning limited-quic localpeer node default-path issuers-chain-path "
    "max-spread-checks http-reuse load-on set-dumpable thread-groups thread-group strict-limits quiet debug "
    "close-spread-time external-check external-check-path log-send-hostname maxlen size"
)
# The fetches whose patterns are addresses, hosts and paths; those of headers, cookies and passwords are not among them.
HAPROXY_FETCHES = re.compile(
    r"!?(?:src|dst|src_port|dst_port|method|path(?:_beg|_end|_dir|_sub|_reg)?||ssl_fc|ssl_fc_sni(?:_end)?"
    r"|req[._]ssl_sni|req_ssl_hello_type|hdr(?:_beg|_end|_dom|_reg)?\(host\)|req\.hdr\(host\)|nbsrv(?:\([\w.-]+\))?"
    r"|be_conn(?:\([\w.-]+\))?|fe_conn(?:\([\w.-]+\))?|avail|always_true|always_false|status|url_ip|url_port)"
    r"(?:,lower)?"
)
# Headers that carry no key; a value of variables alone carries none of this file either.
HEADERS = vocabulary(
    "host connection upgrade x-real-ip x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port "
    "accept-encoding content-type content-length range transfer-encoding expect cache-control "
    "strict-transport-security x-frame-options x-content-type-options via te keep-alive expires pragma vary accept"
)
_VARIABLES = re.compile(r"(?:\$\{?[a-z_][a-z0-9_]{0,60}\}?|%\[[a-z][a-z0-9_.,()]{0,60}\]|[ ,;:/])+")
_DIRECTIVE = re.compile(r"[a-z][a-z0-9]*(?:[_\-.][a-z0-9]+)+")


# Names of files that hold keys and certificates.
_FILES = vocabulary("cert key certs sslcert sslkey tls ssl ca client server")


def directive(name: str, known: frozenset[str], data: bool = False) -> str | None:
    """A directive's name as it may be shown. data: whether in this place the first word may be a value."""
    if name in known:
        return name
    good = not data and len(name) < 64 and _DIRECTIVE.fullmatch(name) and not shapes.opaque(name)
    return name if good else None


def header(name: str, value: str) -> str | None:
    """The value that a proxy gives to a header."""
    if "str(" in value or "bin(" in value:
        return None
    if not value or (_VARIABLES.fullmatch(value) and any(sign in value for sign in "$%")):
        return value
    if name.lower() in HEADERS:
        return value if all(shapes.plain(part) == part for part in value.split()) else None
    return None


_TELLS = vocabulary("password passwd pass secret token insecure-password key-password passphrase realm")


def arguments(words: Sequence[str]) -> list[str]:
    """The arguments of a harmless directive; what stands after a word that announces a secret is none."""
    shown = []
    for at, word in enumerate(words):
        good = None if at and words[at - 1].lower() in _TELLS else argument(word)
        shown.append(shapes.mask(word) if good is None else good)
    return shown


def argument(word: str) -> str | None:
    """An argument of a harmless directive; a secret's `name=value` among them is none."""
    name, equals, value = word.partition("=")
    if equals and names.shown(name) and names.is_secret(name):
        file = _FILES.issuperset(names.split(name)) and value.startswith("/") and shapes.path(value)
        return word if file else None
    return shapes.plain(word)
