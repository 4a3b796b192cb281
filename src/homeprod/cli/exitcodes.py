"""Exit codes, for the end of each command's help. Imports nothing, so that ``--help`` stays quick."""

from __future__ import annotations

EVERYWHERE = {0: "done", 1: "an error, or declined", 64: "wrong usage", 130: "interrupted"}
"""What every command's code means, unless it says otherwise in ``OWN``."""
_UNSEEN = (
    "done, but a machine's end was not seen, cloud-init failed in it, it waits for its control node or for a"
    " published key, or it is unknown; each is named"
)
OWN = {
    "check": {0: "no mistake found", 1: "there are mistakes"},
    "plan": {
        0: "nothing to do",
        1: "an error, or a conflict; or nothing to do, and a machine is unknown, since its node is off",
        2: "there are changes",
        3: "nothing else to do, and a machine waits until its control node's key is published",
    },
    "apply": {1: "an error, or declined, or a change that failed", 3: _UNSEEN},
    "doctor": {0: "nothing fails", 1: "an error, or something fails"},
    "render": {2: "with --check: the folder is behind the site"},
    "configure": {0: "each was told to its control node, and accepted", 3: "one of them waits; each is named"},
    "known-hosts": {1: "an error, or a machine told no key; each is named"},
    "route explain": {
        0: "done; with --probe: nothing differs",
        1: "an error; with --probe: something differs",
        3: "with --probe: nothing could be asked",
    },
    "route test": {
        0: "all is as expected",
        1: "an error, or something is not",
        3: "with --live: all that was asked is as expected, and of a way nothing could be asked",
    },
    "drift": {
        0: "nothing differs",
        2: "something differs",
        3: "nothing is known to differ, and a host is late, or was not asked to the end",
    },
    "rehearse": {0: "it is good for all of them, or affects none", 2: "it is not good for some; each is named"},
    "affected": {0: "no host is affected", 2: "some are; each is named"},
    "trials": {
        0: "each host has a record that counts",
        2: "one lacks it, or is held, each is named; or the branch would not go forward",
    },
    "promote": {
        0: "done; or left with --no-try, --no-watch",
        1: "an error, or declined; or a trial was red, or the roll-out stopped",
        2: "refused, and nothing was moved: a host has no record that counts, or is held; each is named",
        3: "it waits: the control node is Locked or does not answer, or a host does not; the same again goes on",
    },
    "rollback": {
        1: "an error, or declined; or the roll-out stopped",
        2: "the control node holds it",
        3: "it waits: the control node is Locked or does not answer, or a host does not",
    },
    "drill rebuild": {
        0: "made again, and proven to serve as before",
        1: "an error, or declined; or something failed, or is not as before",
        3: "made again, and of something nothing could be asked",
    },
    "watch": {
        2: "with --dry-run: something would be told",
        3: "somebody was not reached, and is told at the next look",
    },
    "runs show": {
        0: "the run was successful, or goes on",
        1: "an error; or the run failed, was canceled, or took too long",
    },
    "apps lint": {0: "no mistake found", 1: "there are mistakes"},
    "apps publish": {
        1: "an error, or declined; no branch moved unless it says so",
        2: "with --dry-run: branches would move",
    },
    "control status": {0: "Ready", 1: "an error, or nobody answers", 2: "Locked", 3: "New"},
    "lab ssh": {0: "what ssh, or the command there, ended with"},
}
"""By command and verb: codes that mean something else there, or are there alone."""


def list_exit_codes(command: str) -> str:
    """Those of ``plan``, or ``control status``: on one line where there is nothing of its own, else a line each."""
    own = OWN.get(command, {})
    codes = sorted({**EVERYWHERE, **own}.items())
    if not own:
        return "exit codes:\n  " + "   ".join(f"{code} {words}" for code, words in codes) + "\n"
    return "exit codes:\n" + "".join(f"  {code:>3}  {words}\n" for code, words in codes)
