"""Port numbers of service names: tools that are not told `-n` print `https` where 443 is meant."""

from functools import cache
from pathlib import Path

SERVICES = Path("/etc/services")

_WELL_KNOWN = """
    ftp-data 20 ftp 21 ssh 22 telnet 23 smtp 25 domain 53 gopher 70 finger 79 http 80 www 80 kerberos 88 pop3 110 sunrpc 111
    auth 113 nntp 119 epmap 135 netbios-ssn 139 imap2 143 imap 143 bgp 179 ldap 389 https 443 microsoft-ds 445 submissions 465
    login 513 shell 514 printer 515 rtsp 554 submission 587 ipp 631 ldaps 636 rsync 873 ftps 990 imaps 993 pop3s 995 socks 1080
    openvpn 1194 ms-sql-s 1433 ms-sql-m 1434 oracle 1521 ingreslock 1524 h323hostcall 1720 mqtt 1883 radius 1812 nfs 2049
    cvspserver 2401 amqp 5672 amqps 5671 iscsi-target 3260 mysql 3306 ms-wbt-server 3389 svn 3690 epmd 4369 nrpe 5666
    postgresql 5432 rfb 5900 vnc-server 5900 x11 6000 redis 6379 sip 5060 sip-tls 5061 ircd 6667 http-alt 8080 webcache 8080
    http-proxy 8080 us-cli 8082 pcsync-https 8443 sunproxyadmin 8081 jetdirect 9100 git 9418 zabbix-agent 10050
    zabbix-trapper 10051 webmin 10000 memcached 11211 mongodb 27017
    eforward 2181 etcd-client 2379 etcd-server 2380 hbci 3000 terabase 4000 newoak 4001 commplex-main 5000 commplex-link 5001
    mmcc 5050 personal-agent 5555 esmagent 5601 sun-sr-https 6443 afs3-fileserver 7000 afs3-callback 7001 arcp 7070 cbt 7777
    irdmi 8000 teradataordbms 8002 mcreport 8003 mxi 8005 d-s-n 8086 radan-http 8088 patrol-snmp 8161 intermapper 8181
    amberon 8301 ddi-tcp-1 8888 cslistener 9000 etlservicemgr 9001 glrpc 9080 websm 9090 XmlIpcRegSvc 9092 copycat 9093
    wap-wsp 9200 vrace 9300 tungsten-https 9443 sd 9876 ndmp 10000 scp-config 10001 documentum 10002 documentum_s 10003
    emcrmirccd 10004 vce 11111
"""
"""Names of IANA's list, and a few that distributions add, for machines without /etc/services (Windows, small containers), and
for text from others: some distributions name ports of which others say nothing."""


@cache
def _table() -> dict[str, int]:
    words = _WELL_KNOWN.split()
    table = {name: int(port) for name, port in zip(words[::2], words[1::2], strict=True)}
    try:
        lines = SERVICES.read_text(errors="replace").splitlines()
    except OSError:
        return table
    for line in lines:
        name, *rest = line.partition("#")[0].split() or [""]
        number, _, protocol = (rest or [""])[0].partition("/")
        if protocol == "tcp" and number.isdecimal():
            for alias in (name, *rest[1:]):
                table.setdefault(alias, int(number))
    return table


def service_port(name: str) -> int | None:
    """Give the TCP port of a service's name.

    Args:
        name: such as ``https``.

    Returns:
        Its port by IANA's names or this machine's /etc/services, or None where neither knows it. The host that printed the
        name may have called another port by it: only ``-n`` leaves no doubt.
    """
    return _table().get(name)
