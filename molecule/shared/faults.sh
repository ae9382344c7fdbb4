#!/bin/sh
# Breaks a node as the incident's was, or as someone who edits by hand does: faults.sh KIND BUCKET FAULT ...
# The bounds are scaled as all time here is: 15 minutes are 2 s, so that recordings over 45 minutes are cut.
set -eu
kind=$1 bucket=$2
shift 2

proxy() { # whatever its bounds are now
    case $kind in
    squid) sed -i -E 's/^(read_timeout|write_timeout) .*/\1 2 seconds/' /etc/squid/squid.conf ;;
    haproxy) sed -i -E 's/(timeout (client|server)) +\S+/\1 2s/' /etc/haproxy/haproxy.cfg ;;
    nginx) sed -i -E 's/proxy_timeout [^;]+/proxy_timeout 2s/' /etc/nginx/nginx.conf ;;
    esac
    systemctl reload "$kind"
}

sysctls() { # the kernel's own defaults: far later than a gateway forgets
    sed -i -E 's/^(net.ipv4.tcp_keepalive_time) .*/\1 = 7200/; s/^(net.ipv4.tcp_retries2) .*/\1 = 15/' \
        /etc/sysctl.d/60-export.conf
    sysctl --quiet --load /etc/sysctl.d/60-export.conf
}

export_settings() {
    sed -i -E 's/^(versions|tcp_keepalive) = .*/\1 = false/; s/^read_timeout = .*/read_timeout = 2/' \
        /opt/edge/export.ini
}

pin() { # 52.92.88.10 was S3 in this region until October 2020
    echo "52.92.88.10 s3.eu-west-2.amazonaws.com $bucket.s3.eu-west-2.amazonaws.com" >>/etc/hosts
}

firewall() { # out to the storage's ranges of 2019 alone
    cat >/etc/nftables.conf <<'RULES'
#!/usr/sbin/nft -f
# Host firewall of an edge
flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif lo accept
		tcp dport 22 accept
	}
	chain output {
		type filter hook output priority filter; policy drop;
		ct state established,related accept
		oif lo accept
		tcp sport 22 accept
		meta l4proto { tcp, udp } th dport 53 accept
		ip daddr 169.254.169.254 tcp dport 80 accept
		# recording storage, ranges of 2019
		ip daddr { 52.95.148.0/23, 52.95.150.0/24 } tcp dport 443 accept
	}
}
RULES
    systemctl enable --quiet nftables
    systemctl restart nftables
}

for fault; do "$fault"; done
