"""Whether a file that was found, not named, can only have been written by the user, or by the system for everybody."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def distrust(path: Path) -> str:
    """Why other users may have written a file, in words; empty where they cannot.

    The file itself, where a symbolic link leads to, and the folders of both must belong to the user or to root. Nobody
    else may write to the files, nor to the folders, unless those are sticky (``/tmp``), where everybody can only
    replace files of their own. A group with no other member than the user counts as the user. Systems without POSIX
    users are trusted.
    """
    if not hasattr(os, "getuid"):
        return ""
    places = dict.fromkeys((path.absolute(), path.resolve()))
    for place in places:
        for part, entry in (("it", place), ("its folder", place.parent)):
            try:
                status = entry.stat()
            except OSError as error:
                return f"{part} cannot be examined ({error.strerror or error})"
            if status.st_uid not in (0, os.getuid()):
                return f"{part} belongs to another user"
            sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
            if _others_write(status) and not sticky:
                return f"other users may write to {'it' if part == 'it' else part}"
    return ""


def _others_write(status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _own_group(status.st_gid)


def _own_group(gid: int) -> bool:
    """Whether it is the user's private group, as many systems give one to each user and let it write by default."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
