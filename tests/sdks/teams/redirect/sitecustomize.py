"""Loaded by Python at its start (`PYTHONPATH`): Microsoft's two login hosts are reached at REDRAFT_TLS, host and port."""

import os
import socket

HOST, PORT = os.environ["REDRAFT_TLS"].split(":")
getaddrinfo = socket.getaddrinfo


def redirected(host, port, *rest, **options):
    if host in ("login.microsoftonline.com", "login.botframework.com"):
        host, port = HOST, PORT
    return getaddrinfo(host, port, *rest, **options)


socket.getaddrinfo = redirected
