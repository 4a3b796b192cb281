"""What to do next, by Proxmox's own words: one table, first match wins. Every pattern is one of its own messages,
recorded or in its sources; ``{name}`` in a hint is a group of the pattern. What no pattern knows is told by the call
that failed: its words say what is wrong, and the hint where to look.
"""

from __future__ import annotations

import re

_PLAN = "see what is there now:\n\n  homeprod plan"
_STORAGES = "list the storages with `pvesm status` on the node, and compare with the site's datastores"
_MACHINE: tuple[tuple[str, str], ...] = (
    (
        r"VM is locked \((?P<lock>[^)]*)\)",
        "wait until Proxmox has ended it ({lock}), then repeat; if nothing is running any more: `qm unlock VMID`",
    ),
    (r"checksum mismatch \(file change by other user", "someone changed this machine meanwhile: plan again"),
    (r"protection mode enabled", "the machine is protected: only `homeprod destroy --data NAME` takes that away"),
    (
        r"VM \d+ already exists|config file already exists",
        "that VMID belongs to another machine: take another number, or write it into `taken` of the AddressPlan",
    ),
    (
        r"Configuration file '[^']*' does not exist|unable to find configuration file for|could not find VM",
        f"it was moved or destroyed meanwhile; {_PLAN}",
    ),
    (r"found lock '|no lock found", "another task of this machine is under way: wait for it in Proxmox, then repeat"),
    (
        r"used in HA resources",
        "Proxmox's HA keeps it; take it out there first, on a node:\n\n  ha-manager remove vm:VMID",
    ),
    (
        r"for HA resources",
        "Proxmox's HA keeps it: stop it there, on a node:\n\n  ha-manager set vm:VMID --state stopped",
    ),
    (
        r"VM quit/powerdown failed",
        "the guest did not power off in time: look at its console; `--force-stop` pulls the plug, data disks mounted",
    ),
    (r"is running - destroy failed|vm is running", "it was started meanwhile: shut it down in Proxmox, and repeat"),
    (r"already running", f"somebody started it meanwhile; {_PLAN}"),
    (r"is paused", "resume it in Proxmox (Console → Resume), and repeat"),
    (
        r"(QEMU guest agent is not|No QEMU guest agent) ",
        (
            "the guest's agent does not answer: look at its console; the image must have qemu-guest-agent, or a way"
            " to"
            " install it"
        ),
    ),
    (
        r"(?<!agent )(is )?not running",
        "it is off: start it in Proxmox, or let homeprod do so:\n\n  homeprod apply --start",
    ),
    (
        r"\b(a|create|for) template\b|template VMs",
        "it is a template in Proxmox, which never runs: make a machine of it again, or destroy it",
    ),
    (
        r"QEMU exited with code|start failed",
        (
            "the log of the task says why QEMU did not start: often too little memory on the node, a bridge or a file"
            " that"
            " is not there, or a CPU that it does not have"
        ),
    ),
    (r"can't unplug|error unplugging", "the running guest does not let go of it: shut the machine down, then repeat"),
    (r"hotplug", "that cannot change while it runs: shut the machine down, then repeat"),
    (
        r"balloon value too large",
        "lower `balloon` in Proxmox first (Hardware → Memory): it is above the site's memory",
    ),
    (r"invalid bootorder|invalid boot device", "correct the order in Proxmox (Options → Boot Order), and plan again"),
    (
        r"(?<![/\w-])snapshots?(?![/\w-])",
        "homeprod makes no snapshots: look at the machine's own in Proxmox (Snapshots), and repeat",
    ),
    (r"replicat", "the machine is replicated: choose a datastore that Proxmox replicates, or end it (Replication)"),
    (
        r"cloud-init drive is already attached",
        "one machine has one such drive: remove the other in Proxmox (Hardware)",
    ),
)
_DISKS: tuple[tuple[str, str], ...] = (
    (
        r"no space left|(not enough|insufficient) free space|out of space|disk quota exceeded|storage .*is full",
        "the storage is full: free some space on it, or choose another one",
    ),
    (
        r"not configured for content-type|does not (support|allow) .*(content|images)|content type .*(is not|needs)",
        "enable that content on the storage, beside the others:\n    pvesm set STORAGE --content images,iso,import",
    ),
    (r"storage '[^']*' (does not exist|is disabled|is not available)", _STORAGES),
    (
        r"storage '[^']*' is not online|connection check for storage|volume group .* not found",
        "its disk or server does not answer; see on the node:\n\n  pvesm status",
    ),
    (
        r"can't upload to storage type|not a file based storage|upload content-type",
        "such a storage holds no files: name one that does, such as `local`, as the site's Datastore",
    ),
    (r"shrinking disks is not supported", "a disk only grows; a smaller one is a new one"),
    (r"refusing to override existing file", "a file of that name is there already: delete it, or use it"),
    (
        r"disk '[^']*' (for VM '[^']*' )?(does not exist|has no associated volume)|no block node inserted",
        f"somebody took that disk away meanwhile; {_PLAN}",
    ),
    (
        r"(volume|disk image) '?[^ ]*'? already exists",
        "a disk of that name was left behind: see the storage in Proxmox (VM Disks), and remove what nobody needs",
    ),
    (
        (
            r"volume '?[^ ]*'? does not exist|can't find file|failed to stat|volume_size_info|no such \w* ?volume"
            r"|script '[^']*' does not exist|current size of volume"
        ),
        f"that file or disk is no longer on its storage (`pvesm list STORAGE` on the node shows it); {_PLAN}",
    ),
    (
        r"still in use",
        "other disks or snapshots stand on it: remove those in Proxmox first, then repeat",
    ),
    (r"resize file/device|internal error - hints", "look at the disk in Proxmox (Hardware → Disk Action → Resize)"),
    (
        r"move(d)? (disk|to|a |from)|be moved|moving of this|same node \(|Target disk key|source disk",
        "look at both machines in Proxmox (Hardware): both off, on one node, the disk detached and without snapshots",
    ),
)
_FILES: tuple[tuple[str, str], ...] = (
    (
        r"checksum mismatch: got|does not match expected checksum",
        "the file is not what its checksum says: compare the image's checksum with the one its publisher gives",
    ),
    (
        r"download failed|unable to (connect|resolve)",
        "the node itself could not fetch it: check its network and the URL, or have homeprod upload the image",
    ),
    (
        (
            r"wrong file extension|wrong extension|(import|image) format|not in \w+ format|file information"
            r" with qemu-img|backing file|'data-file'|children or extents|not an integer|includes whitespace"
            r"|qemu-img bug|(de)?compression (method|not)|archive (format|has|info|type)|tar archive|\.ovf file"
        ),
        (
            "it is no disk image that Proxmox takes: .qcow2, .raw or .vmdk, whole and by itself; look at it with"
            " `qemu-img info FILE`"
        ),
    ),
)
_CLUSTER: tuple[tuple[str, str], ...] = (
    (r"no such cluster node|hostname lookup '", "compare the node's name in the site with `pvecm nodes`"),
    (r"bridge '[^']*' does not exist", "make the bridge on the node, or name one that is there"),
    (r"sdn (vnet|zone)", "compare the network's `bridge` in the site with Datacenter → SDN in Proxmox"),
    (r"no quorum", "too few nodes of the cluster are up: see `pvecm status`"),
    (
        r"can't lock file|lock (request )?timeout|acquire lock|trying to acquire",
        "another task holds it: see which in Proxmox (Tasks, below), and repeat when it has ended",
    ),
    (r"no such task|worker upid", f"the node knows no such task (any more); {_PLAN}"),
    (
        r"is (already|not) a pool member|belongs already to pool",
        "a lease's pool has no members: take out what somebody put into it: Datacenter → Permissions → Pools",
    ),
    (
        r"pool '[^']*' (is not empty|does not exist|already exists)|parent '",
        "somebody else changed the pools: repeat",
    ),
    (
        r"only root |Only root |root@pam",
        (
            'no API token may do that, only root@pam with its password: say user="root@pam" in the Cluster in place'
            " of token_file"
        ),
    ),
    (
        r"missing privileges|not allowed to|permission (denied|check failed)",
        "see what the token needs and lacks:\n\n  homeprod doctor",
    ),
    (
        r"ambiguous case insensitive match|not a valid token ID",
        "write user, realm and token id as Proxmox lists them",
    ),
)
_COMPILED = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (*_DISKS[:1], *_CLUSTER[:4], *_FILES[:1], *_MACHINE, *_DISKS[1:], *_FILES[1:], *_CLUSTER[4:])
)
_BY_CALL = (
    (r"task ", "its whole log is in Proxmox: Node → Task History, a double click on the task"),
    (r"\w+ /access/", "check user, realm and password, or the token; see on a node:\n\n  pveum user list"),
    (
        r"\w+ /nodes/[^/]+/qemu",
        (
            "put right what these words name, in the site or on the machine in Proxmox (Hardware, Options); then\n\n"
            "  homeprod plan"
        ),
    ),
    (r"\w+ /nodes/[^/]+/storage|\w+ /storage", f"look at the storage in Proxmox: {_STORAGES}"),
    (r"\w+ /pools", "look at the pools in Proxmox: Datacenter → Permissions → Pools"),
)
_LAST = "the endpoint's own log may say more, on that node:\n\n  journalctl -u pvedaemon -u pveproxy --since -10min"
_PARAMETER = (
    "correct in the site what becomes this parameter; one that the site does not set is a mistake of homeprod's:"
    " report these words, with what `homeprod doctor` says of the version"
)


def find_hint(words: str, where: str = "") -> str:
    """The next step for these words; ``where`` is the call that they came from, or the task (``task qmcreate 100``).
    Never empty."""
    for pattern, hint in _COMPILED:
        if found := pattern.search(words):
            return hint.format(**found.groupdict()) if found.groupdict() else hint
    return next((hint for pattern, hint in _BY_CALL if re.match(pattern, where)), _LAST)


def find_parameter_hint(words: str) -> str:
    """The same for parameters that Proxmox does not accept."""
    hint = find_hint(words)
    return _PARAMETER if hint == _LAST else hint


def is_told_by_call(hint: str) -> bool:
    """Whether no pattern knew the words, so that the hint only says where to look."""
    return hint in {_LAST, _PARAMETER, *(hint for _, hint in _BY_CALL)}
