# SPDX-License-Identifier: BSD-3-Clause
"""strongSwan on the hosts and on clients: tunnels whose ESP is made in user space, over UDP 4500.

charon's plugin kernel-libipsec needs no IPsec in the kernel, only a TUN device. All hosts share one
identity and one key, as the servers behind one virtual address must. Each client gets an inner
address from its host's pool and reaches INNER, an address that every host has.
"""

import dataclasses

from . import settings
from .shell import run, wait_until

INNER = "10.99.0.1"
_IDENTITY = "gateway.lab"
_SECRET = "a secret of the lab"
_DAEMON = "/usr/sbin/charon-systemd"

_DAEMON_CONF = """\
swanctl {{ load = random }}
charon-systemd {{
  load = random nonce aes sha1 sha2 hmac kdf gmp kernel-libipsec kernel-netlink \
socket-default vici
  plugins {{ vici {{ socket = unix://{socket} }} }}
  filelog {{ file {{ path = {log}
    default = 1
    flush_line = yes }} }}
  journal {{ default = -1 }}
}}
"""

_COMMON = """\
    version = 2
    proposals = aes128-sha256-modp2048
    dpd_delay = 2s
"""

_SERVER = """\
connections {{
  road {{
{common}    pools = inner
    local {{ auth = psk
      id = {identity} }}
    remote {{ auth = psk }}
    children {{ inner {{ local_ts = {inner}/32
      esp_proposals = aes128-sha256 }} }}
  }}
}}
pools {{ inner {{ addrs = 10.90.{host}.0/24 }} }}
secrets {{ ike-all {{ secret = "{secret}" }} }}
"""

_CLIENT = """\
connections {{
  home {{
{common}    remote_addrs = {vip}
    vips = 0.0.0.0
    local {{ auth = psk
      id = {name} }}
    remote {{ auth = psk
      id = {identity} }}
    children {{ inner {{ remote_ts = {inner}/32
      esp_proposals = aes128-sha256 }} }}
  }}
}}
secrets {{ ike-all {{ secret = "{secret}" }} }}
"""


@dataclasses.dataclass(frozen=True)
class Tunnel:
    """An IKE SA and the child it carries, by the numbers that a new one would not have."""
    initiator: str
    responder: str
    spi_in: str
    spi_out: str


def _values(text, name):
    """All values of a name in what `swanctl --raw` prints."""
    return [word[len(name) + 1:] for word in text.replace("}", " ").replace("{", " ").split()
            if word.startswith(f"{name}=")]


class Charon:
    """One charon of a lab, in the namespace of a role."""

    def __init__(self, lab, role):
        self._lab = lab
        self._name = f"charon-{role}"
        directory = lab.state.directory
        self._socket = directory / f"{self._name}.vici"
        log = directory / f"{self._name}.charon.log"
        self._environment = f"STRONGSWAN_CONF={directory / self._name}.conf"
        conf = directory / f"{self._name}.conf"
        conf.write_text(_DAEMON_CONF.format(socket=self._socket, log=log), encoding="ascii")
        lab.spawn(self._name, lab.namespace(role), ["env", self._environment, _DAEMON])
        wait_until(self._socket.exists, 10, f"{self._name} to listen")

    def load(self, text):
        """Give it its connections, keys and pools."""
        path = self._lab.state.directory / f"{self._name}.swanctl"
        path.write_text(text, encoding="ascii")
        self.swanctl("--load-all", "--file", str(path))

    def tunnels(self):
        """The tunnels that are up now."""
        shown = self.swanctl("--list-sas", "--raw").stdout
        columns = [_values(shown, name)
                   for name in ("initiator-spi", "responder-spi", "spi-in", "spi-out")]
        return [Tunnel(*numbers) for numbers in zip(*columns)]

    def swanctl(self, command, *options):
        """Run swanctl against it; the completed process."""
        return run("env", self._environment, "swanctl", command, "--uri",
                   f"unix://{self._socket}", *options)


def serve(lab, host):
    """Start strongSwan on a host of the lab."""
    lab.exec(host, ["ip", "address", "replace", f"{INNER}/32", "dev", "lo"])
    charon = Charon(lab, host)
    charon.load(_SERVER.format(common=_COMMON, identity=_IDENTITY, inner=INNER, host=host,
                               secret=_SECRET))
    return charon


class Client(Charon):
    """A further machine on the segment with strongSwan and a tunnel to the virtual IP."""

    def __init__(self, lab, number):
        self.role = f"vpn{number}"
        self.address = f"10.77.0.{180 + number}"
        lab.add_station(self.role, [f"{self.address}/24"])
        super().__init__(lab, self.role)
        self.load(_CLIENT.format(common=_COMMON, identity=_IDENTITY, inner=INNER,
                                 name=f"{self.role}.lab", vip=settings.VIP4, secret=_SECRET))

    def connect(self):
        """Make the tunnel."""
        self.swanctl("--initiate", "--child", "inner", "--timeout", "10")

    def inner_address(self):
        """The address that the host has given this client."""
        return _values(self.swanctl("--list-sas", "--raw").stdout, "local-vips")[0].strip("[]")
