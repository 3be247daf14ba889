"""Kernel surface: bpf, perf, io_uring, keyctl, userfaultfd, modules, kexec, the mount API."""

import ctypes
import os


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    calls = {"bpf": 321, "perf_event_open": 298, "io_uring_setup": 425, "keyctl": 250, "add_key": 248, "userfaultfd": 323, "init_module": 175,
             "kexec_load": 246, "open_tree": 428, "fsopen": 430, "move_mount": 429, "setns": 308, "process_vm_readv": 310, "pidfd_getfd": 438,
             "name_to_handle_at": 303, "open_by_handle_at": 304, "splice": 275, "vmsplice": 278, "shmget": 29, "msgget": 68, "semget": 64,
             "mq_open": 240, "personality": 135, "reboot": 169, "settimeofday": 164, "swapon": 167, "chroot": 161, "pivot_root": 155,
             "landlock_create_ruleset": 444, "seccomp": 317, "flock": 73, "memfd_secret": 447, "clone3": 435, "unknown": 9999}
    for name, number in calls.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
