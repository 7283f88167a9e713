"""Under whose account an embedded server runs.

PostgreSQL refuses to run as root. Root's files are often unreachable for anybody else, though: a
clone under `mktemp -d` or `/root` sits below directories that only root may enter, and those are
not ours to open. So root tries one account after the other until one can really run the program:

1. `nobody`: no rights at all beyond its own files;
2. `nobody` that may pass closed directories (one capability, still no right to write);
3. a user namespace, where the process counts as `nobody` and reaches what root's own files allow.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.infra.data_directory import CannotStart
from app.infra.processes import check_result, libc

_UNPRIVILEGED = "nobody"

# linux/capability.h, linux/prctl.h, linux/securebits.h, linux/sched.h
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CLONE_NEWUSER = 0x10000000


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@dataclass(frozen=True, slots=True)
class Account:
    """Who a server runs as: the owner that its files need, and how a forked child becomes it."""

    name: str
    uid: int
    gid: int
    enter: Callable[[], None] | None = None

    def own(self, path: Path) -> None:
        """Give `path` and everything below it to this account, if somebody else owns it."""
        if os.geteuid() != 0 or path.lstat().st_uid == self.uid:
            return
        # The top goes last: as long as it has the old owner, an interrupted change is repeated.
        for folder, _, files in os.walk(path, topdown=False):
            for name in files:
                os.lchown(Path(folder) / name, self.uid, self.gid)
            os.lchown(folder, self.uid, self.gid)


def candidates() -> Iterator[Account]:
    """The accounts to try, the one with the fewest rights first."""
    if os.geteuid() != 0:
        yield Account("own", os.geteuid(), os.getegid())
        return
    nobody = pwd.getpwnam(_UNPRIVILEGED)
    uid, gid = nobody.pw_uid, nobody.pw_gid
    yield Account("nobody", uid, gid, lambda: _become(uid, gid))
    if sys.platform == "linux":
        # Reading and passing is enough; containers often grant root only the wider right.
        for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
            name = f"nobody with capability {capability}"
            yield Account(name, uid, gid, _becoming_with(uid, gid, capability))
        yield Account("user namespace", 0, 0, lambda: _enter_namespace(uid, gid))


def possible_owners() -> set[int]:
    """The user ids that files of an embedded server may belong to."""
    return {account.uid for account in candidates()}


def choose(program: Path, readable: Path, writable: Path) -> Account:
    """The first account that can run `program`, list `readable` and write in `writable`.

    `writable` is given to the account that is tried. Raises CannotStart when none can.
    """
    reasons = []
    for account in candidates():
        account.own(writable)
        try:
            _try_out(account, program, readable, writable)
        except OSError as error:
            reasons.append(f"  as {account.name}: {error}")
        else:
            return account
    raise CannotStart(
        f"{program.name} cannot be started by this user (uid {os.geteuid()}):\n"
        + "\n".join(reasons)
        + "\nFix: run as an ordinary user, or move the checkout and the data directory "
        f"({writable}) to a place that every user may enter, such as /srv."
    )


def _try_out(account: Account, program: Path, readable: Path, writable: Path) -> None:
    with tempfile.TemporaryFile("w+") as output:

        def become_and_reach() -> None:
            try:
                if account.enter is not None:
                    account.enter()
                next(readable.iterdir())
                probe = writable / f".probe-{os.getpid()}"
                os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                probe.unlink()
            except OSError as error:
                # The parent only learns that something failed in here, so say what.
                os.write(2, str(error).encode())
                raise

        try:
            subprocess.run(
                [program, "--version"],
                check=True,
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=output,
                timeout=30,
                # Between fork and exec nothing is imported and no lock is taken.
                preexec_fn=become_and_reach,
            )
        except subprocess.SubprocessError as error:
            output.seek(0)
            raise OSError(output.read().strip() or str(error)) from error


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _becoming_with(uid: int, gid: int, capability: int) -> Callable[[], None]:
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)()
    mask = 1 << capability
    data[0] = _CapabilityData(mask, mask, mask)

    def become() -> None:
        # Without this bit access(2), which PostgreSQL uses to find its own program, ignores the
        # capabilities of everybody but root.
        check_result(libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "securebits")
        _become(uid, gid)
        check_result(libc.capset(ctypes.byref(header), data), "capset")
        # Ambient capabilities are the ones that survive exec of an ordinary program.
        raised = libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
        check_result(raised, "ambient capability")

    return become


def _enter_namespace(uid: int, gid: int) -> None:
    check_result(libc.unshare(_CLONE_NEWUSER), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} 0 1")
    Path("/proc/self/gid_map").write_text(f"{gid} 0 1")
