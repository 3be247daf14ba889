"""Terminals, where programs are allowed: a pair, its size, and a shell whose controlling terminal it is.

must: value "ok"
request: {"sandbox": {"programs": true}}
"""

import os
import pty
import subprocess
import termios


def pair():
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 100))
    modes = termios.tcgetattr(slave)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    os.write(slave, b"to the master\n")
    said = os.read(master, 100)
    size = termios.tcgetwinsize(slave), os.isatty(slave), os.ttyname(slave)
    shell = subprocess.Popen(["sh", "-c", "stty size; read line; echo got $line"], stdin=slave, stdout=slave, stderr=slave)
    os.write(master, b"hello\n")
    shell.wait(timeout=10)
    os.close(slave)
    answer = b""
    try:
        while part := os.read(master, 1000):
            answer += part
    except OSError:  # how a terminal without its other side ends
        pass
    os.close(master)
    return said, size, answer


def forked():
    pid, master = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", "tty; test -t 0 && echo controlled > /dev/tty"])
    answer = b""
    try:
        while part := os.read(master, 1000):
            answer += part
    except OSError:
        pass
    os.waitpid(pid, 0)
    return answer


def attempt():
    said, size, answer = pair()
    if (said, size) != (b"to the master\r\n", ((24, 100), True, "/dev/pts/0")) or answer != b"24 100\r\ngot hello\r\n":
        return repr((said, size, answer))
    answer = forked()
    return "ok" if answer == b"/dev/pts/0\r\ncontrolled\r\n" else repr(answer)
