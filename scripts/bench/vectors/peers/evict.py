"""Takes the files of a folder out of a process's memory and out of the page cache: evict.py PID FOLDER

The kernel keeps a page in the cache as long as a process has it mapped, so first the process's mappings of these files
are paged out (process_madvise(2) with MADV_PAGEOUT, which needs the right to trace the process), then the files are
dropped from the cache (posix_fadvise(2) with POSIX_FADV_DONTNEED). Nothing is lost: the files are clean.
"""

import ctypes
import os
import sys

PIDFD_OPEN, PROCESS_MADVISE = 434, 440  # the same on all architectures
MADV_PAGEOUT = 21


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


libc = ctypes.CDLL(None, use_errno=True)


def system_call(*arguments):
    result = libc.syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def mappings(pid, folder):
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            fields = line.rstrip("\n").split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith(folder + os.sep):
                start, end = (int(address, 16) for address in fields[0].split("-"))
                yield IoVec(start, end - start)


def page_out(pid, folder):
    pidfd = system_call(PIDFD_OPEN, pid, 0)
    for mapping in mappings(pid, folder):
        system_call(PROCESS_MADVISE, pidfd, ctypes.byref(mapping), ctypes.c_size_t(1), MADV_PAGEOUT, 0)


def drop_from_cache(folder):
    for place, _, files in os.walk(folder):
        for file in files:
            descriptor = os.open(os.path.join(place, file), os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


os.sync()
page_out(int(sys.argv[1]), os.path.realpath(sys.argv[2]))
drop_from_cache(sys.argv[2])
